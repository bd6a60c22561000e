"""What the sentences given say, in words that say no more."""

from __future__ import annotations

import math
from typing import Any

from recidiv_core.sentencing.adjusted import AGREE, DISAGREE, NEITHER, ONE_CANNOT_TELL, ONE_WAY, AdjustedDisparity
from recidiv_core.sentencing.audit import SentencingAudit
from recidiv_core.sentencing.disparity import SentencingDisparity
from recidiv_core.words import listed

# What no figure here can show; each a sentence for the page, the report and the terminal.
LIMITS = (
    "Who is here at all: arrests, charges and convictions come before a sentence. If one group is arrested or "
    "charged for lesser conduct, its cases are lighter than they look, and a sentence alike in the records is not "
    "alike.",
    "Charge bargaining: the charge of conviction, the quantity and so the guidelines themselves can be negotiated, "
    "and a mandatory minimum charged or left out. A disparity that went into the guideline does not show as a "
    "deviation from it, and adjusting for charge and level takes it away.",
    "Only prison sentences are counted. Where one group more often goes to prison for what brings others "
    "probation, its prison cases are lighter, and its mean deviation with them.",
    "What is not recorded (co-operation with the prosecution, the role in the offence, counsel, bail) can explain "
    "a difference, or hide one. A difference that is left is not by itself discrimination, nor is its absence "
    "fairness.",
    "Each record is taken as one person's; judges who sentence many, and people sentenced twice, make the bounds a "
    "little too narrow.",
)
WAYS = {
    "unadjusted": "unadjusted",
    "regression": "like cases, by regression",
    "matched": "like cases, matched exactly",
}
_OF = {"charge": "charge", "level": "quantity level", "history": "criminal history", "district": "district"}
_AGREEMENT = {
    AGREE: "The two ways agree.",
    ONE_CANNOT_TELL: "One of the two ways cannot tell whether anything is left: its bounds hold 0.",
    DISAGREE: "The two ways disagree: the difference is not the same in all kinds of cases, or what is held alike does "
    "not simply add up, or few cases have a like one to be matched with. Neither figure should be given alone.",
    ONE_WAY: "Only one of the two ways can be used: for the other too few cases are alike in these, or a single "
    "sentence would decide it.",
    NEITHER: "Neither way can be used: too few cases are alike in these, or a single sentence would decide.",
}


def months(value: float) -> str:
    """Months with a sign and one decimal."""
    if value is None or math.isnan(value):
        return "–"
    shown = round(value, 1)
    return f"{shown:+.1f}".replace("-", "−") if shown else "0.0"


def rounded_bounds(low: float, high: float) -> tuple[float, float, int]:
    """Bounds rounded outward, and to how many decimals: as many as it takes to tell them from 0."""
    places = next(p for p in (1, 2, 3) if p == 3 or all(abs(x) >= 0.5 / 10**p or abs(x) < 1e-9 for x in (low, high)))
    scale = 10**places
    return math.floor(round(low * scale, 6)) / scale, math.ceil(round(high * scale, 6)) / scale, places


def between(low: float, high: float) -> str:
    """Bounds in months as :func:`rounded_bounds` has them."""
    if low is None or math.isnan(low):
        return "–"
    *ends, places = rounded_bounds(low, high)
    return " to ".join(f"{end:+.{places}f}".replace("-", "−") if end else f"{0:.{places}f}" for end in ends)


def case_text(asked: dict[str, Any]) -> str:
    """The case in words: "Drug trafficking, level 6"."""
    return asked["charge"] + ("" if asked["level"] is None else f", level {asked['level']}")


def case_answer(case: SentencingDisparity) -> str:
    """How far sentences like this one lie from the guidelines, and from those compared with."""
    s, c = case.summary, case.comparison
    lead = f"{case_text(case.asked)}, {s['group']}: "
    if not s["n"]:
        return f"{lead}no counted sentence matches, of {s['n_similar']:,} with that charge and level."
    if math.isnan(s["mean"]):  # withheld in a report
        return f"{lead}too few sentences to be published, or those of too few would follow."
    level = f"{100 * case.options['confidence_level']:g} %"
    bounds = "" if math.isnan(s["low"]) else f"{level} interval {between(s['low'], s['high'])}, "
    said = (
        f"{lead}on average {_than(s['mean'], 'longer', 'shorter', 'as long as')} the guidelines' midpoint ({bounds}n = "
        f"{s['n']:,}). "
    )
    if not c["n"]:
        return said.strip()
    told = f"Against {c['group']} ({months(c['mean'])} months, n = {c['n']:,})"
    if math.isnan(c["difference"]):
        return f"{said}{told} nothing can be said: {c['reason']}."
    told += f" that is {_more(c['difference'])}"
    if c["reason"]:
        return f"{said}{told}; {c['reason']}."
    told += f" ({between(c['difference_low'], c['difference_high'])})"
    if c["difference_low"] <= 0 <= c["difference_high"]:
        return f"{said}{told}: it may be chance."
    alike = "the charge" if case.asked["level"] is None else "charge and level"
    return f"{said}{told}, before anything but {alike} is held alike."


def _than(value: float, more: str, less: str, same: str) -> str:
    """ "10.7 months longer than", or "as long as"."""
    if not round(value, 1):
        return same
    return f"{abs(value):.1f} months {more if value > 0 else less} than"


def _more(value: float) -> str:
    return "no difference" if not round(value, 1) else f"{abs(value):.1f} months {'more' if value > 0 else 'less'}"


def contrast_answers(contrast: AdjustedDisparity) -> list[str]:
    """For each group what is left when cases are alike, in both ways, and whether these agree; and whether it
    changes over the years.
    """
    alike = listed([_OF.get(name, name) for name in contrast.options["adjust_for"]])
    found = []
    for group in dict.fromkeys(contrast.table["group"]):
        ways = contrast.of(group)
        raw, regression, matched = (ways[way] for way in ("unadjusted", "regression", "matched"))
        of_all = f"over all counted sentences, unadjusted, {_way(raw)}"
        lead = f"{group} against {contrast.reference}"
        if not contrast.options["adjust_for"]:
            found.append(f"{lead}: {of_all}. Nothing was asked to be alike.")
            continue
        said = (
            f"{lead}: in cases alike in {alike} {_way(regression)} by regression, {_way(matched)} between matched "
            f"cases; {of_all}."
        )
        found.append(f"{said} {_left(regression, matched)}{_AGREEMENT[regression['agreement']]}")
    change = _change_answer(contrast)
    return [*found, change] if change else found


def _way(row: dict[str, Any]) -> str:
    if math.isnan(row["difference"]):
        return "not estimable"
    return f"{_more(row['difference'])} ({between(row['low'], row['high'])})"


def _left(*ways: dict[str, Any]) -> str:
    """Whether something is left, where both ways say so."""
    if any(math.isnan(way["low"]) for way in ways):
        return ""
    if all(way["low"] > 0 for way in ways):
        return "More is given in like cases. "
    if all(way["high"] < 0 for way in ways):
        return "Less is given in like cases. "
    return "What is left may be chance. " if all(way["low"] <= 0 <= way["high"] for way in ways) else ""


def _change_answer(contrast: AdjustedDisparity) -> str:
    """Whether the adjusted differences grow or shrink over the years."""
    said = []
    for row in contrast.change.itertuples():
        word = "no clear change" if not (row.low > 0 or row.high < 0) else ("rises" if row.per_year > 0 else "falls")
        said.append(f"{row.group}: {word} ({months(row.per_year)} months a year, {between(row.low, row.high)})")
    return f"Over the years the adjusted difference from {contrast.reference}: {'; '.join(said)}." if said else ""


def sentencing_answer(audit: SentencingAudit) -> list[str]:
    """All of it, a sentence or two each."""
    contrast = [audit.reason] if audit.contrast is None else contrast_answers(audit.contrast)
    return [case_answer(audit.case), *contrast]
