"""What an audit of copies says, in words."""

from __future__ import annotations

from math import isnan

import numpy as np
import pandas as pd

from recidiv_core.privacy.attacks import AttackAudit
from recidiv_core.privacy.audit import CANNOT, FARTHER, LEAKS, NO_SIGN, PrivacyAudit
from recidiv_core.privacy.linkage import LinkageAudit
from recidiv_core.privacy.release import REAL, ReleaseAudit
from recidiv_core.privacy.utility import UtilityAudit
from recidiv_core.words import listed, outward

_HEADS = {
    LEAKS: "The copy gives people away",
    FARTHER: "The copy keeps away from the people it was made from",
    NO_SIGN: "No sign in its distances that the copy gives people away",
    CANNOT: "It cannot be judged whether the copy gives people away",
}
LIMITS = (
    "Distances say nothing of what an attacker knows besides. No sign is no proof: a bound that holds against "
    "every attacker needs a method made for it (differential privacy), and none of the methods here is one."
)


def privacy_answer(audit: PrivacyAudit) -> list[str]:
    """The verdict, exact copies, and the group given away most."""
    s = audit.summary
    if audit.verdict == CANNOT:
        return [f"{_HEADS[CANNOT]}. {audit.notes[0]}", _copies(audit)]
    chance = "50 % would be chance" if s["verdict"] in (LEAKS, FARTHER) else "chance would bring 50 %"
    bounds = "no interval: too few different people" if isnan(s["low"]) else outward(s["low"], s["high"], percent=True)
    share = (
        f"{100 * s['nearer_to_train']:.1f} % ({bounds}) of its records are nearer to the people it was made from than "
        f"to as many others; {chance}"
    )
    head = _HEADS[s["verdict"]]
    if s["verdict"] != LEAKS and audit.verdict == LEAKS:
        head = "The copy gives some people away, see below. Over all its records"
    elif s["verdict"] == LEAKS and s["low"] <= 0.5:
        share += (
            f"; {s['n_train_matched']:,} of them stand in it as they are, and {s['n_holdout_matched']:,} of as many "
            "others do"
        )
    return [f"{head}: {share}.", _copies(audit), *_groups(audit)]


def _copies(audit: PrivacyAudit) -> str:
    s = audit.summary
    return (
        f"{round(s['copies'] * s['n']):,} of {s['n']:,} records ({100 * s['copies']:.1f} %) are exact copies of "
        "people it was made from, in every column compared; of people who were not in it "
        f"{100 * s['baseline_copies']:.1f} % are alike to one of them by chance."
    )


def _groups(audit: PrivacyAudit) -> list[str]:
    if audit.by_group.empty:
        return []
    said, worst, few = [], audit.worst, audit.too_few
    n_withheld = audit.options.get("n_groups_withheld", 0)
    if worst is not None:
        share = f"{100 * worst['nearer_to_train']:.1f} % ({outward(worst['low'], worst['high'], percent=True)})"
        said.append(
            f"Given away most: {worst['attribute']} = {worst['group']}, {share} of whose {worst['n']:,} records "
            f"are nearer to the people it was made from; {100 * worst['copies']:.1f} % are exact copies."
        )
    elif len(few) < len(audit.by_group):
        of = "Of the groups shown with enough records none" if n_withheld or few else "No group"
        said.append(
            f"{of} is nearer to the people it was made from than chance allows, all groups of an attribute taken "
            "together."
        )
    if few:
        said.append(f"Too few records to say anything of {listed(few)}.")
    if n_withheld:
        leaks = "; at least one of them is given away" if audit.options["is_withheld_given_away"] else ""
        said.append(f"{n_withheld} groups of few people are withheld{leaks}.")
    return said


def attack_answer(audit: AttackAudit) -> str:
    """The worst attack that can be trusted."""
    worst, n_not = audit.worst, int((audit.table["reason"] != "").sum())
    rest = (
        f" {n_not} of {len(audit.table)} attacks do no better than guessing, or say nothing: that is no proof of "
        "safety."
        if n_not
        else ""
    )
    if worst is None:
        return f"No attack does better than guessing.{rest}"
    gain = "more than chance explains" if worst["low"] > 0 else "which chance could do too"
    return (
        f"Most is gained by {worst['attack']} ({worst['about']}): it succeeds on {100 * worst['rate']:.1f} % of "
        f"the people that the copy was made from, on {100 * worst['control']:.1f} % of others; the risk from being "
        f"in it is {100 * worst['risk']:.1f} % ({outward(worst['low'], worst['high'], percent=True)}), "
        f"{gain}.{rest}"
    )


def member_answer(use: UtilityAudit, variant: str) -> str:
    """Whether the models trained on a variant tell whom it was made from."""
    own = use.table[use.table["variant"] == variant]
    told = "; ".join(
        f"{r['title'].lower()} {_bounded(r, 'member_auc', 'member_low', 'member_high')}" for r in own.to_dict("records")
    )
    found = (
        "remember people it was made from" if (own["member_low"] > 0.5).any() else "show no sign of remembering people"
    )
    return (
        f"The models trained on it {found}: by a low loss a person of the training part is told from another with an "
        f"AUC of {told}; 0.5 is chance."
    )


def linkage_answer(audit: LinkageAudit) -> list[str]:
    """How many pairs are left at the ends, and how often the best link is right."""
    first, last = audit.table.iloc[0], audit.table.iloc[-1]
    n, n_with = audit.best["n"], audit.best["n_with_candidates"]
    said = [
        f"{n_with:,} of {n:,} records have a public record with the same key. Of {audit.n_candidates:,} candidate "
        f"pairs {first['n_pairs']:,.0f} reach a certainty of {first['certainty']:g}, and {last['n_pairs']:,.0f} "
        f"one of {last['certainty']:g} of {len(audit.options['fields'])}."
    ]
    best = audit.best
    if "share_right" in best and best["n_with_truth"]:
        said.append(
            f"Linking each record to the one public record most like it is right for {best['n_right']:,} of "
            f"{best['n_with_truth']:,} records: {100 * best['share_right']:.1f} % "
            f"({outward(best['low'], best['high'], percent=True)}); a guess within the key would be right for "
            f"{100 * best['chance']:.1f} %."
        )
    return said


def frontier_answer(audit: ReleaseAudit) -> list[str]:
    """What one pays for what: of the copies without a sign of giving people away the most useful one, beside the
    real rows.
    """
    table = audit.frontier.set_index("variant")
    real = table.loc[REAL]
    title = audit.baseline.table.loc[audit.baseline.table["algorithm"] == audit.algorithm, "title"].iloc[0].lower()
    said = [
        f"A {title} trained on the real training part reaches an AUC of {_auc(real)} on people it has not "
        f"seen{_gap(real)}."
    ]
    others = table.drop(index=REAL)
    quiet, loud = others[others["verdict"].isin([NO_SIGN, FARTHER])], others[others["verdict"] == LEAKS]
    if len(quiet):
        best = quiet["auc"].idxmax()
        row = quiet.loc[best]
        said.append(
            f"Of the copies whose distances show no sign of giving people away, {best} keeps most of the use: an "
            f"AUC of {_auc(row)}, {_difference(row['auc'] - real['auc'])}{_gap(row)}."
        )
    elif len(others):
        said.append("No copy made so far is without a sign of giving people away.")
    if len(loud):
        names = "; ".join(
            f"{name} ({100 * row['nearer_to_train']:.0f} % nearer to the people it was made from, "
            f"{100 * row['copies']:.0f} % exact copies, AUC {row['auc']:.3f})"
            for name, row in loud.iterrows()
        )
        said.append(f"These give people away: {names}.")
    if len(unclear := others[others["verdict"] == CANNOT]):
        said.append(f"These cannot be judged: {', '.join(unclear.index)}.")
    return said


def _auc(row: pd.Series) -> str:
    return _bounded(row, "auc", "auc_low", "auc_high")


def _bounded(row, value: str, low: str, high: str) -> str:
    return f"{row[value]:.3f} ({outward(row[low], row[high], percent=False)})"


def _difference(value: float) -> str:
    return "as much" if round(abs(value), 3) == 0 else f"{abs(value):.3f} {'less' if value < 0 else 'more'}"


def _gap(row: pd.Series) -> str:
    if "gap" not in row or np.isnan(row["gap"]):
        return ""
    sign = "more" if row["gap"] > 0 else "less"
    return (
        f"; it flags {row['attribute']} = {row['group']} {100 * abs(row['gap']):.1f} points {sign} often than "
        f"{row['reference']} ({outward(row['gap_low'], row['gap_high'], percent=True)})"
    )
