"""What an audit of copies says, in words."""

from __future__ import annotations

import numpy as np
import pandas as pd

from recidiv_core.privacy.attacks import AttackAudit
from recidiv_core.privacy.audit import FARTHER, LEAKS, PrivacyAudit
from recidiv_core.privacy.linkage import LinkageAudit
from recidiv_core.privacy.release import REAL, ReleaseAudit
from recidiv_core.words import outward

_WORDS = {
    LEAKS: "The copy gives people away: {share} of its records are nearer to the people it was made from than to as many others; 50 % would be chance.",
    FARTHER: "The copy keeps away from the people it was made from: {share} of its records are nearer to them than to as many others; 50 % would be chance.",
}
_NO_SIGN = "No sign that the copy gives people away: {share} of its records are nearer to the people it was made from than to as many others, and 50 % is what chance does."
LIMITS = (
    "Distances say nothing of what an attacker knows besides. No sign is no proof: a bound that holds against every attacker needs a method made for it "
    "(differential privacy), and none of these is."
)


def privacy_answer(audit: PrivacyAudit) -> list[str]:
    """The verdict, exact copies, and the group given away most."""
    s = audit.summary
    share = f"{100 * s['nearer_to_train']:.1f} % ({outward(s['low'], s['high'], percent=True)})"
    said = [_WORDS.get(s["verdict"], _NO_SIGN).format(share=share)]
    n_same = round(s["copies"] * s["n"])
    said.append(
        f"{n_same:,} of {s['n']:,} records ({100 * s['copies']:.1f} %) are exact copies of real ones; of the people it was not made from "
        f"{100 * s['baseline_copies']:.1f} % are alike to one of them in every column."
    )
    if audit.by_group.empty:
        return said
    worst, of = audit.worst, "No group"
    if n_withheld := audit.options.get("n_groups_withheld", 0):
        said.append(f"{n_withheld} groups of few records are withheld.")
        of = "No group shown"
    if worst is not None:
        share = f"{100 * worst['nearer_to_train']:.1f} % ({outward(worst['low'], worst['high'], percent=True)})"
        said.append(
            f"Given away most: {worst['attribute']} = {worst['group']}, {share} of whose {worst['n']:,} records are nearer to the people it was made from; "
            f"{100 * worst['copies']:.1f} % are exact copies."
        )
    else:
        said.append(
            f"{of} is nearer to the people it was made from than chance does, all groups of an attribute allowed for."
        )
    return said


def attack_answer(audit: AttackAudit) -> str:
    """The worst attack that can be trusted."""
    worst, n_not = audit.worst, int((audit.table["reason"] != "").sum())
    rest = (
        f" {n_not} of {len(audit.table)} attacks do no better than guessing, or say nothing: that is no proof of safety."
        if n_not
        else ""
    )
    if worst is None:
        return f"No attack does better than guessing.{rest}"
    gain = "more than chance explains" if worst["low"] > 0 else "which chance could do too"
    return (
        f"Most is gained by {worst['attack']} ({worst['about']}): it succeeds on {100 * worst['rate']:.1f} % of the people that the copy was made from, on "
        f"{100 * worst['control']:.1f} % of others; the risk from being in it is {100 * worst['risk']:.1f} % ({outward(worst['low'], worst['high'], percent=True)}), {gain}.{rest}"
    )


def linkage_answer(audit: LinkageAudit) -> list[str]:
    """How many pairs are left at the ends, and how often the best link is right."""
    first, last = audit.table.iloc[0], audit.table.iloc[-1]
    said = [
        f"Of {audit.n_candidates:,} candidate pairs {first['n_pairs']:,.0f} reach a certainty of {first['certainty']:g}, and {last['n_pairs']:,.0f} one of {last['certainty']:g} of {len(audit.options['fields'])}."
    ]
    best = audit.best
    if "share_right" in best and best["n_with_truth"]:
        said.append(
            f"Linking each record to the one public record most like it is right for {best['n_right']:,} of {best['n_with_truth']:,} records: {100 * best['share_right']:.1f} % "
            f"({outward(best['low'], best['high'], percent=True)}); a guess within the key would be right for {100 * best['chance']:.1f} %."
        )
    return said


def frontier_answer(audit: ReleaseAudit) -> list[str]:
    """What one pays for what: of the copies without a sign of giving people away the most useful one, beside the real rows."""
    table = audit.frontier.set_index("variant")
    real = table.loc[REAL]
    title = audit.baseline.table.loc[audit.baseline.table["algorithm"] == audit.algorithm, "title"].iloc[0].lower()
    said = [
        f"A {title} trained on the real training part reaches an AUC of {_auc(real)} on people it has not seen{_gap(real)}."
    ]
    others = table.drop(index=REAL)
    quiet = others[(others["verdict"] != LEAKS) & (others["copies"] == 0)]
    if len(quiet):
        best = quiet["auc"].idxmax()
        row = quiet.loc[best]
        said.append(
            f"Of the copies that show no sign of giving people away, {best} keeps most of the use: an AUC of {_auc(row)}, {_difference(row['auc'] - real['auc'])}{_gap(row)}."
        )
    loud = others.drop(index=quiet.index)
    if len(loud):
        names = ", ".join(
            f"{name} ({100 * row['copies']:.0f} % exact copies, AUC {row['auc']:.3f})" for name, row in loud.iterrows()
        )
        said.append(f"Given away in exchange for use: {names}.")
    return said


def _auc(row: pd.Series) -> str:
    return f"{row['auc']:.3f} ({row['auc_low']:.3f} to {row['auc_high']:.3f})"


def _difference(value: float) -> str:
    return "as much" if round(abs(value), 3) == 0 else f"{abs(value):.3f} {'less' if value < 0 else 'more'}"


def _gap(row: pd.Series) -> str:
    if "gap" not in row or np.isnan(row["gap"]):
        return ""
    sign = "more" if row["gap"] > 0 else "less"
    return (
        f"; it flags {row['attribute']} = {row['group']} {100 * abs(row['gap']):.1f} points {sign} often than {row['reference']} "
        f"({outward(row['gap_low'], row['gap_high'], percent=True)})"
    )
