"""What an audit of pairs says, in words that say no more."""

from __future__ import annotations

import pandas as pd

from recidiv_core.counterfactuals.audit import CounterfactualAudit
from recidiv_core.words import listed, outward

SOURCES = {"profiles": "profiles", "between": "profiles between real rows", "rows": "real rows", "typed": "profile"}
FIXED = (
    "Everything else stays as it is. Whether it would, had the person been born another, is a question about the "
    "world that no clone answers: a history that was watched more stays longer in the clone too."
)


def counterfactual_answer(audit: CounterfactualAudit) -> list[str]:
    """What is said first, then what the other ways of changing give."""
    if len(audit.unseen) == len(audit.attributes):
        return [unseen_sentence(audit)]
    own = audit.summary[~audit.summary["changed"].isin(audit.unseen)]
    found = [_contrast_sentence(audit, audit.summary.loc[audit.main])]
    others = own[own["changed"] != audit.summary.loc[audit.main, "changed"]].dropna(subset="flip_rate")
    for changed, rows in others.groupby("changed", sort=False):
        most = rows.sort_values(["flip_rate", "n_lose"], ascending=False, kind="stable").iloc[0]
        found.append(
            f"{changed} {'alone' if changed in audit.attributes else 'together'}: {_percent(most['flip_rate'])} "
            f"({_bounds(most)}) flip; most do from {most['from']} to {most['to']}."
        )
    return [*found, unseen_sentence(audit)] if audit.unseen else found


def unseen_sentence(audit: CounterfactualAudit) -> str:
    """What 0 flips mean where the model does not take the attribute, and what a probe found instead."""
    text = (
        f"The model does not take {listed(audit.unseen)}: its clones score the same by construction, and 0 flips "
        "say nothing of how it treats the groups."
    )
    probes = [probe for probe in audit.proxies if probe.attribute in audit.unseen]
    return " ".join([text, *(probe_sentence(probe.attribute, probe.sentence()) for probe in probes)])


def probe_sentence(attribute: str, found: str) -> str:
    """What the probe found of one attribute."""
    return f"What it can still know of {attribute}: {found[0].lower()}{found[1:]}"


def _contrast_sentence(audit: CounterfactualAudit, row: pd.Series) -> str:
    kind = SOURCES[audit.made.source]
    if row["flip_rate"] != row["flip_rate"]:
        return f"{row['changed']}, {row['from']} to {row['to']}: the figures rest on too few people, and are withheld."
    away, there = audit.decisions[::-1] if audit.flag_helps else audit.decisions
    verb = "changes" if row["changed"] in audit.attributes else "change"
    change = f"when {row['changed']} {verb} from {row['from']} to {row['to']} and nothing else does"
    held = (
        ""
        if row["n_pairs"] == row["n"]
        else f", in {int(row['n_pairs']):,} pairs (the other attributes at each of their values)"
    )
    if row["n_flips"] == 0:
        text = (
            f"None of {int(row['n']):,} {kind} gets another decision {change}{held}; with "
            f"{100 * audit.confidence_level:g} % confidence at most {_bounds(row).split(' to ')[1]} of such would."
        )
    else:
        share = f"all {int(row['n_pairs']):,}" if row["n_flips"] == row["n_pairs"] else _percent(row["flip_rate"])
        text = (
            f"Of {int(row['n']):,} {kind}{held} {share} ({100 * audit.confidence_level:g} % interval "
            f"{_bounds(row)}) get another decision {change}: {int(row['n_lose']):,} lose by it ({away} to "
            f"{there}), {int(row['n_gain']):,} gain. Exact McNemar {_p(row['p_value'])}."
        )
    gap = f" The score changes by {row['mean_gap']:+.3f} on average"
    spread = f" ({outward(row['gap_low'], row['gap_high'], percent=False)})" if row["gap_low"] == row["gap_low"] else ""
    most = f"; by up to {row['largest_gap']:+.3f}" if row["largest_gap"] == row["largest_gap"] else ""
    return f"{text}{gap}{spread}{most}."


def _p(value: float) -> str:
    return "p < 0.0001" if value < 0.0001 else f"p = {value:.4f}"


def _bounds(row: pd.Series) -> str:
    return f"{outward(row['low'], row['high'], percent=True)} %"


def _percent(share: float) -> str:
    """A share in percent; what is neither all nor nothing does not read so."""
    digits = 3 if 0 < 100 * share < 0.05 or 99.95 <= 100 * share < 100 else 1
    return f"{100 * share:.{digits}f} %"
