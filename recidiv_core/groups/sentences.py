"""The audit in sentences. Each is made from the same row that the chart draws, and says no more than its verdict."""

from __future__ import annotations

import math
from typing import Any

from recidiv_core.groups.metrics import DISTINCT, HEADLINE, METRICS, NO_PROBABILITY
from recidiv_core.groups.result import GroupAudit, Verdict
from recidiv_core.groups.tables import SPANS_TOLERANCE
from recidiv_core.words import listed, number, people, points


def _per_hundred(value: float) -> str:
    """A ratio such as FN per FP, per hundred of its denominator."""
    return f"{100 * value:.1f}".removesuffix(".0") + " per 100"


_UNIT = {"rate": points, "number": number, "ratio": _per_hundred}
_SUFFIX = {"rate": " percentage points", "ratio": " per 100"}


def _tolerance(tolerance: float, metric: str) -> str:
    """The tolerance with all its figures: it is a choice, not an estimate."""
    unit = METRICS[metric].unit
    if unit == "number":
        return f"{tolerance:g}"
    return "1 percentage point" if unit == "rate" and tolerance == 0.01 else f"{100 * tolerance:g}{_SUFFIX[unit]}"


def _spread(value: float, metric: str) -> str:
    return _UNIT[METRICS[metric].unit](value)


def _bound(value: float, tolerance: float, metric: str, *, upper: bool) -> str:
    """A bound rounded away from what it bounds, with as many figures as it takes to tell it from the tolerance."""
    for digits in (3, 4, 5, 6, 7):
        scale = 10**digits
        rounded = (math.ceil(value * scale) if upper else math.floor(value * scale)) / scale
        if (rounded < tolerance) == (value < tolerance) and (rounded > tolerance) == (value > tolerance):
            break
    if METRICS[metric].unit == "number":
        return f"{rounded:.{digits}f}"
    return _spread(rounded, metric) if digits == 3 else f"{100 * rounded:.{digits - 2}f}{_SUFFIX[METRICS[metric].unit]}"


def disparity_sentence(audit: GroupAudit, row: Any) -> str:
    """What one row of ``disparities`` says, for someone who has never seen the metric.

    Where the tolerance is exceeded it names the pair that shows it, which need not be the pair furthest apart: a small
    group may lie further off and show less.
    """
    if row.worst_pair is None:
        return f"Nothing can be concluded: {row.reason}."
    if math.isnan(row.range):
        return f"The numbers are {row.reason}.{_left_out(audit, row)}"
    pair = _telling_pair(audit, row) if row.verdict == "exceeds" else row.worst_pair
    fact = _fact(audit, row, pair)
    # In a published report the pair furthest apart may be one whose numbers are withheld: then it is not named.
    is_telling = set(pair) == set(row.worst_pair) or math.isnan(row.high)
    further = "" if is_telling else f" Furthest apart in the data, but less surely so, are {listed(row.worst_pair)}."
    n_compared = len(audit.rows(row.attribute, "by_group")) - len(row.excluded_groups)
    return f"{fact} {_conclusion(row, audit.options['tolerance'], n_compared)}{further}{_left_out(audit, row)}"


def _telling_pair(audit: GroupAudit, row: Any) -> tuple[str, str]:
    """The pair with the largest lower bound, the higher group first."""
    pairs = [p for p in audit.rows(row.attribute, "pairs") if p.metric == row.metric and not math.isnan(p.difference)]
    best = max(pairs, key=lambda p: max(p.low, -p.high))
    return (best.group_a, best.group_b) if best.difference >= 0 else (best.group_b, best.group_a)


def _fact(audit: GroupAudit, row: Any, pair: tuple[str, str]) -> str:
    metric = METRICS[row.metric]
    high, low = (audit.value(row.attribute, group, metric.name) for group in pair)
    if metric.unit == "ratio":
        first, second = f"{100 * high:.0f} {metric.counted}", f"{100 * low:.0f}"
        return f"For every 100 {metric.among}, {first} in the group {pair[0]}, {second} in the group {pair[1]}."
    if metric.unit == "rate":
        counts = people(high, low, tell_apart=row.verdict == "exceeds")
        return (
            f"Of {metric.among}, {counts[0]} {metric.counted} in the group {pair[0]}, {counts[1]} in the group "
            f"{pair[1]}."
        )
    return f"{metric.among} {number(high)} in the group {pair[0]}, {number(low)} in the group {pair[1]}."


def _conclusion(row: Any, tolerance: float, n_groups: int) -> str:
    limit = _tolerance(tolerance, row.metric)
    low = _bound(row.low, tolerance, row.metric, upper=False)
    withheld = math.isnan(row.high)  # in a published report, for the sake of a small group
    high = "a bound that is withheld" if withheld else _bound(row.high, tolerance, row.metric, upper=True)
    difference = "difference" if n_groups == 2 else "difference between the highest and the lowest group"
    if row.verdict == "exceeds" and row.low <= tolerance:
        return f"A group whose numbers are withheld takes the difference beyond the tolerance of {limit}."
    if row.verdict == "exceeds":
        return f"The true difference between the two is at least {low}; the tolerance is {limit}."
    if row.verdict == "within" and withheld:
        return f"The true {difference} is below the tolerance of {limit}."
    if row.verdict == "within":
        return f"The true {difference} is at most {high}; the tolerance is {limit}."
    unseen = (
        ""
        if math.isnan(row.detectable)
        else f" In groups of this size a difference below {_spread(row.detectable, row.metric)} "
        "goes unseen more than one time in five."
    )
    bare = low.split(" ")[0]
    lead = "There is a difference, but it may be smaller than the tolerance" if row.low > 0 else "This may be chance"
    return f"{lead}: the true {difference} lies between {bare} and {high}, the tolerance is {limit}.{unseen}"


def _left_out(audit: GroupAudit, row: Any) -> str:
    """Who was not compared, and why: too small, or a value that does not exist."""
    if not row.excluded_groups:
        return ""
    reasons = {r.group: r.reason for r in audit.rows(row.attribute, "left_out") if r.metric == row.metric}
    small = [g for g in row.excluded_groups if reasons.get(g, "").startswith(("fewer than", "withheld"))]
    others = [f"{g} ({reasons.get(g, '')})" for g in row.excluded_groups if g not in small]
    parts = [f"Not compared, because too small: {listed(small)}."] if small else []
    return " " + " ".join([*parts, *([f"Not compared: {listed(others)}."] if others else [])])


def answer(audit: GroupAudit, attribute: str) -> str:
    """One or two sentences that answer "Does the model treat the groups alike?" for one attribute."""
    treated = {row.metric: row for row in audit.rows(attribute, "disparities") if _is_about_the_model(row)}
    exceeding = [name for name, row in treated.items() if row.verdict == "exceeds"]
    tolerance = audit.options["tolerance"]
    limit = _tolerance(tolerance, "selection_rate")
    if exceeding:
        first = next((m for m in HEADLINE[audit.roles.polarity] if m in exceeding), exceeding[0])
        open_ = sum(row.verdict == "cannot conclude" for row in treated.values())
        rest = f" (by {open_} nothing can be concluded)" if open_ else ""
        return f"No, by {len(exceeding)} of {len(treated)} measures{rest}. {disparity_sentence(audit, treated[first])}"
    n_within = sum(row.verdict == "within" for row in treated.values())
    if n_within == len(treated):
        return f"By all {n_within} measures taken, the groups compared differ by less than the tolerance of {limit}."
    known = f"By {n_within} of {len(treated)} measures the groups differ by less than {limit}. " if n_within else ""
    spans = all(row.reason == SPANS_TOLERANCE for row in treated.values() if row.verdict == "cannot conclude")
    if tolerance == 0:
        why = "a tolerance of 0 can be exceeded, but never be shown to be kept"
    else:
        why = "the groups are too small" if spans else "some measures do not exist here; each says why below"
    others = "the others are not" if n_within else "none is"
    return (
        f"The data cannot say. {known}No difference is shown to exceed the tolerance of {limit}, "
        f"and {others} shown to stay below it: {why}."
    )


def _is_about_the_model(row: Any) -> bool:
    """Whether a verdict is one on the model: not the base rate (the world's), not a complement, not what needs
    probabilities when the score has none. A measure that is missing for any other reason does count: nothing can be
    concluded from it.
    """
    named = row.metric in DISTINCT and row.metric != "base_rate" and not METRICS[row.metric].not_compared
    return named and row.reason != NO_PROBABILITY


def overall_verdict(audit: GroupAudit, attribute: str) -> Verdict:
    """The verdict on an attribute: exceeds if any measure does, within if all are, else cannot conclude."""
    found = {row.verdict for row in audit.rows(attribute, "disparities") if _is_about_the_model(row)}
    return "exceeds" if "exceeds" in found else "within" if found == {"within"} else "cannot conclude"
