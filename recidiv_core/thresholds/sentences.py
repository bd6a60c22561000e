"""Thresholds in sentences, each made from the result and saying no more than it does."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from recidiv_core.groups import METRICS
from recidiv_core.stats import ScoreCurves
from recidiv_core.thresholds.audit import ThresholdAudit
from recidiv_core.thresholds.definitions import DEFINITIONS, LEVEL_2
from recidiv_core.thresholds.optimum import ThresholdSolution
from recidiv_core.words import listed, number, opened, points

_OBJECTIVE = {
    "f_beta": "the sum of F{beta} over the groups",
    "balanced_accuracy": "the sum of balanced accuracies over the groups",
    "accuracy": "the sum of accuracies over the groups",
    "cost": "the negated sum of the costs of errors over the groups",
}


def spread(value: float, definition: str, tolerance: float | None = None) -> str:
    """A range or tolerance in its definition's unit: percentage points, or people missed per person flagged wrongly.

    With as many figures as it takes to stay on its own side of ``tolerance``.
    """
    if math.isnan(value):
        return "not estimable"
    scale = 1 if definition == "treatment_equality" else 100
    limit = math.inf if tolerance is None else tolerance * scale
    for digits in (3, 4, 5, 6) if scale == 1 else (1, 2, 3, 4, 5):
        rounded = round(value * scale, digits)
        if (rounded < limit) == (value * scale < limit) and (rounded > 0) == (value > 0):
            break
    text = f"{rounded:.{digits}f}"
    if scale == 1:
        return text
    text = text.removesuffix(".0")
    return f"{text} percentage point{'' if text == '1' else 's'}"


def objective_name(options: Mapping[str, Any]) -> str:
    """What is made as large as it can be, with its article."""
    text = _OBJECTIVE[options["objective"]].format(beta=f"{options['beta']:g}")
    is_weighted = any(weight != 1 for weight in options["weights"].values())
    return text.replace("sum of", "weighted sum of", 1) if is_weighted else text


def threshold_answer(audit: ThresholdAudit) -> str:
    """What these thresholds do, in two or three sentences; a trivial solution is named in the first."""
    if audit.solution is None:
        return _by_hand(audit)
    return f"{solution_sentence(audit.solution)} {_held_out(audit)}".strip()


def solution_sentence(solution: ThresholdSolution) -> str:
    """What the search found."""
    options = solution.options
    title = DEFINITIONS[solution.definition].title
    if options["partial"] < 1:
        title = f"Partial statistical parity (λ = {options['partial']:g})"
    small, limit = title[0].lower() + title[1:], spread(options["tolerance"], solution.definition)
    if solution.status == "infeasible":
        return _infeasible(solution, small, limit)
    how = f"but trivially, by {_trivially(solution)}" if solution.trivial else "with a threshold for each group"
    if math.isnan(solution.objective):  # in a published report, for the sake of a small group
        return f"{title} is satisfied in these data within {limit}, {how}; the figures are withheld."
    name, total = objective_name(options), f"{solution.objective:.4f}"
    if solution.trivial:
        return (
            f"{title} is satisfied, {how}: of all thresholds that satisfy it, these have the largest "
            f"{name.removeprefix('the ')} ({total})."
        )
    own = spread(solution.achieved_range, solution.definition, options["tolerance"])
    before = np.dot(*_objectives(solution))
    compared = "" if math.isnan(before) else f"; with the baseline it is {before:.4f}"
    of = (
        f" of the selection rates, each less {1 - options['partial']:g} times its baseline's,"
        if options["partial"] < 1
        else ""
    )
    return (
        f"With a threshold for each group, {small} is satisfied in these data: the range{of} is {own}, the tolerance "
        f"{limit}. {opened(name)} is {total}{compared}."
    )


def _infeasible(solution: ThresholdSolution, title: str, limit: str) -> str:
    if solution.reason == "withheld":  # in a published report
        return f"No thresholds satisfy {title} within {limit}; those shown come nearest. How near is withheld."
    if math.isnan(solution.smallest_range):
        return f"No thresholds satisfy {title} within the limits: {solution.reason}. Those shown are the baseline's."
    least = _up(solution.smallest_range, solution.definition)
    more = f" They do so by {_trivially(solution)}." if solution.trivial else ""
    return (
        f"No thresholds satisfy {title} within {limit}: the smallest range that any reach is {least}, and those shown "
        f"reach it.{more}"
    )


def _objectives(solution: ThresholdSolution) -> tuple[np.ndarray, np.ndarray]:
    """Weights and baseline objectives of the groups that take part."""
    own = solution.by_group[solution.by_group["takes_part"]]
    return own["group"].map(solution.options["weights"]).to_numpy(float), own["baseline_objective"].to_numpy()


def _up(value: float, definition: str) -> str:
    """Rounded up, to a hundredth of a percentage point or a thousandth: no range is smaller than what is printed."""
    if definition == "treatment_equality":
        return f"{math.ceil(round(value * 1e3, 6)) / 1e3:.3f}"
    return f"{math.ceil(round(value * 1e4, 6)) / 1e2:.2f} percentage points"


def _trivially(solution: ThresholdSolution) -> str:
    """What makes a solution trivial: "flagging everybody in A and B and sparing nearly everybody in C"."""
    rates = solution.by_group.set_index("group")["selection_rate"]
    parts = []
    for how, verb, whole in (("flagged", "flagging", 1.0), ("spared", "sparing", 0.0)):
        groups = [group for group, what in solution.trivial.items() if what == how]
        if groups:
            nearly = "" if (rates[groups] == whole).all() else "nearly "
            parts.append(f"{verb} {nearly}everybody in {listed(groups)}")
    return " and ".join(parts)


def _held_out(audit: ThresholdAudit) -> str:
    """What thresholds tuned in the same way on one half do on the other; nothing where there is nothing to judge."""
    if audit.verdict is None:
        return ""
    row = audit.of(audit.solution.definition)
    if math.isnan(row.held_out_range):
        return (
            "How such thresholds do on other rows cannot be said: half of these rows do not suffice, or it is withheld."
        )
    own = spread(row.held_out_range, row.definition, audit.options["tolerance"])
    low, high = spread(row.held_out_low, row.definition), spread(row.held_out_high, row.definition)
    between = f"lies between {low.split(' ')[0]} and {high}"
    if math.isnan(row.held_out_high):
        missing = row.held_out_not_compared
        few = f"too few people for an interval in {listed(missing)}" if missing else "its upper end is withheld"
        between = f"has no upper bound ({few})" if not row.held_out_low > 0 else f"is at least {low} ({few})"
    conclusion = {
        "within": "so it holds for people like these",
        "exceeds": "so it does not hold for people like these",
        "cannot conclude": "so whether it holds for people like these cannot be concluded",
    }[row.held_out_verdict]
    return (
        f"Tuned on one half of the rows and judged on the other, the range is {own}; the true one {between}, "
        f"{conclusion}."
    )


def _by_hand(audit: ThresholdAudit) -> str:
    groups: dict[Any, list[str]] = {True: [], False: [], None: []}
    for row in audit.definitions.itertuples():
        groups[row.satisfied].append(DEFINITIONS[row.definition].title.lower())
    limit = points(audit.options["tolerance"])
    missing = f" Not estimable: {listed(groups[None])}." if groups[None] else ""
    if not groups[True]:
        return f"At these thresholds no definition is satisfied in these data within {limit}.{missing}"
    verb = "is" if len(groups[True]) == 1 else "are"
    others = f"; {listed(groups[False])} {'is' if len(groups[False]) == 1 else 'are'} not" if groups[False] else ""
    return f"At these thresholds {listed(groups[True])} {verb} satisfied in these data within {limit}{others}.{missing}"


def notes(audit: ThresholdAudit, curves: ScoreCurves) -> list[str]:
    """What a reader must know besides: what is not estimable and why, ties, groups left out, levelling down."""
    found = [*_not_estimable(audit), *_without_interval(audit)]
    steps = {group: _largest_step(curve) for group, curve in curves.groups.items()}
    table = audit.by_group
    own = {group: steps[group] for group in table.loc[table["takes_part"], "group"]}
    if own and max(own.values()) > audit.options["tolerance"]:
        group = max(own, key=own.get)
        found.append(
            f"Equal scores are treated alike: in the group {group} up to {100 * own[group]:.0f} % of people share "
            "one score and are flagged or spared together, so not every range can be reached."
        )
    left_out = table[~table["takes_part"]]
    if len(left_out):
        reasons = listed([f"{row.group} ({row.reason})" for row in left_out.itertuples()])
        kept = "" if audit.solution is None else " They keep the baseline's threshold."
        found.append(f"Left out of the search and of the ranges: {reasons}.{kept}")
    if audit.solution is not None and audit.solution.levelling_down:
        found.append(
            "This is levelling down: against the baseline the objective falls in at least one group and rises in none."
        )
    return found


def _not_estimable(audit: ThresholdAudit) -> list[str]:
    """Why a definition has no range at these thresholds."""
    own = audit.by_group[audit.by_group["takes_part"]]
    found = []
    for row in audit.definitions.itertuples():
        for metric in DEFINITIONS[row.definition].metrics if row.satisfied is None else ():
            groups = list(own.loc[own[metric].isna(), "group"])
            if groups:
                title = DEFINITIONS[row.definition].title
                found.append(f"{title} is not estimable: {METRICS[metric].undefined} in {listed(groups)}.")
    return found


def _without_interval(audit: ThresholdAudit) -> list[str]:
    """Which intervals have no upper end, and for want of whom."""
    prefix = "" if audit.solution is None else "held_out_"
    missing: dict[tuple[str, ...], list[str]] = {}
    for row in audit.definitions.to_dict("records"):
        if row[f"{prefix}not_compared"] and not math.isnan(row[f"{prefix}range"]):
            missing.setdefault(row[f"{prefix}not_compared"], []).append(DEFINITIONS[row["definition"]].title.lower())
    if audit.solution is not None and audit.solution.trivial:
        return []
    return [
        f"No upper end of the interval (?) for {listed(names)}: too few people to compare in {listed(groups)}."
        for groups, names in missing.items()
    ]


def _largest_step(curve: Any) -> float:
    weight = curve.positive + curve.negative
    return float(weight.max() / weight.sum()) if weight.sum() else 0.0


def compatibility_sentence(table: pd.DataFrame, tolerance: float) -> str:
    """Which level 2 definitions can hold together, from :func:`compatibility`'s table."""

    def pair(row: Any) -> str:
        return f"{DEFINITIONS[row.first].title.lower()} with {DEFINITIONS[row.second].title.lower()}"

    rows = list(table.itertuples())
    real = [pair(row) for row in rows if row.together and not row.trivial]
    trivial = [pair(row) for row in rows if row.together and row.trivial]
    never = [pair(row) for row in rows if not row.together]
    parts = []
    if real:
        parts.append(f"can hold together: {listed(real)}")
    if trivial:
        parts.append(f"at best by flagging or sparing nearly everybody in some group: {listed(trivial)}")
    if never:
        parts.append(f"not at all: {listed(never)}")
    return (
        f"Of the {len(rows)} pairs of level {DEFINITIONS[LEVEL_2[0]].level} definitions, within {points(tolerance)}, "
        + "; ".join(parts)
        + "."
    )


def curves_meet_sentence(both: ThresholdSolution) -> str:
    """Whether the precision–recall curves of the groups meet within the tolerance (F, Figure 7)."""
    limit = points(both.options["tolerance"])
    if both.status == "infeasible":
        if math.isnan(both.smallest_range):
            return f"Within the limits equal opportunity and predictive parity cannot hold together: {both.reason}."
        return (
            f"The precision–recall curves of the groups do not meet within {limit}: equal opportunity and "
            "predictive parity cannot hold together. Where they come nearest, recall or precision still differs "
            f"by {_up(both.smallest_range, '')}."
        )
    where = both.by_group[both.by_group["takes_part"]]
    recall, precision = where["true_positive_rate"].mean(), where["positive_predictive_value"].mean()
    how = f", where they do so by {_trivially(both)}" if both.trivial else ""
    return (
        f"The precision–recall curves of the groups meet within {limit} (at a recall of about {number(recall)} and "
        f"a precision of about {number(precision)}{how}): equal opportunity and predictive parity can hold "
        "together there."
    )


def price_sentence(audit: ThresholdAudit) -> str:
    """The group for which most changes against the baseline, in people; "" where that cannot be said."""
    own = audit.by_group[audit.by_group["takes_part"]]
    if (own["threshold"] == own["baseline"]).all():
        return "Nobody is decided otherwise than at the baseline."
    if own["flagged_per_1000"].isna().any():  # withheld in a published report: it might be that group
        return ""
    row = own.loc[own["flagged_per_1000"].abs().idxmax()]
    flagged, wrongly, missed = (row[f"{name}_per_1000"] for name in ("flagged", "wrongly_flagged", "missed"))
    if abs(flagged) < 0.5:
        return "Against the baseline next to nobody is decided otherwise."

    def said(change: float) -> str:
        return f"{abs(change):.0f} {'more' if change > 0 else 'fewer'}"

    return (
        f"Against the baseline most changes in the group {row['group']}: of every 1,000 of its people "
        f"{said(flagged)} are flagged, {said(wrongly)} are flagged wrongly, and {said(missed)} are missed."
    )
