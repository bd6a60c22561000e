"""What the sentences given say, in words that say no more."""

from __future__ import annotations

import math
from typing import Any

from recidiv_core.sentencing.adjusted import AGREE, DISAGREE, ONE_CANNOT_TELL, AdjustedDisparity
from recidiv_core.sentencing.audit import SentencingAudit
from recidiv_core.sentencing.disparity import SentencingDisparity
from recidiv_core.words import listed

# What no figure here can show; each a sentence for the page, the report and the terminal.
LIMITS = (
    "Who is here at all: arrests, charges and convictions come before a sentence. If one group is arrested or charged for lesser conduct, its cases are lighter than "
    "they look, and a sentence alike in the records is not alike.",
    "Charge bargaining: the charge of conviction, the quantity and so the guidelines themselves can be negotiated, and a mandatory minimum charged or left out. A disparity that "
    "went into the guideline does not show as a deviation from it, and adjusting for charge and level takes it away.",
    "Only prison sentences are counted. Where one group more often goes to prison for what brings others probation, its prison cases are lighter, and its mean deviation with them.",
    "What is not recorded (co-operation with the prosecution, the role in the offence, counsel, bail) can explain a difference, or hide one. A difference that is left is "
    "not by itself discrimination, nor is its absence fairness.",
    "Each record is taken as one person's; judges who sentence many, and people sentenced twice, make the bounds a little too narrow.",
)
_OF = {"charge": "charge", "level": "quantity level", "history": "criminal history", "district": "district"}
_AGREEMENT = {
    AGREE: "The two ways agree.",
    ONE_CANNOT_TELL: "One of the two ways cannot tell: its bounds hold 0 and the other's estimate.",
    DISAGREE: "The two ways disagree: the difference is not the same from one kind of case to the next, or few cases have a like one to be matched with. Neither figure "
    "should be given alone.",
}


def months(value: float) -> str:
    """Months with a sign and one decimal."""
    if value is None or math.isnan(value):
        return "–"
    shown = round(value, 1)
    return f"{shown:+.1f}".replace("-", "−") if shown else "0.0"


def between(low: float, high: float) -> str:
    """Bounds in months, rounded outward."""
    if low is None or math.isnan(low):
        return "–"
    return f"{months(math.floor(low * 10) / 10)} to {months(math.ceil(high * 10) / 10)}"


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
    side = "longer" if s["mean"] > 0 else "shorter"
    bounds = f"95 % interval {between(s['low'], s['high'])}, " if s["n"] > 1 and not math.isnan(s["low"]) else ""
    bounds = bounds.replace("95 %", f"{100 * case.options['confidence_level']:g} %")
    said = f"{lead}on average {abs(s['mean']):.1f} months {side} than the guidelines ({bounds}n = {s['n']:,}). "
    if not c["n"]:
        return said.strip()
    if c["reason"]:
        return said + f"Against {c['group']} nothing can be said: {c['reason']}."
    word = "more" if c["difference"] > 0 else "less"
    told = f"Against {c['group']} ({months(c['mean'])} months, n = {c['n']:,}) that is {abs(c['difference']):.1f} months {word} ({between(c['difference_low'], c['difference_high'])})"
    if c["difference_low"] <= 0 <= c["difference_high"]:
        return f"{said}{told}: it may be chance."
    return f"{said}{told}, before anything but charge and level is held alike."  # fmt: skip


def contrast_answers(contrast: AdjustedDisparity) -> list[str]:
    """For each group: what is left when cases are alike, in both ways, and whether these agree."""
    alike = listed([_OF.get(name, name) for name in contrast.options["adjust_for"]]) or "nothing"
    found = []
    for group in dict.fromkeys(contrast.table["group"]):
        ways = contrast.of(group)
        raw, regression, matched = (ways[way] for way in ("unadjusted", "regression", "matched"))
        said = f"{group} against {contrast.reference}, all counted sentences: {_way(raw)} unadjusted; with {alike} alike {_way(regression)} by regression, {_way(matched)} between matched cases."
        agreement = _AGREEMENT.get(regression["agreement"], "Only one of the two ways can be used.")
        found.append(f"{said} {_left(regression, matched)}{agreement}")
    return found


def _way(row: dict[str, Any]) -> str:
    if math.isnan(row["difference"]):
        return "not estimable"
    return f"{months(row['difference'])} months ({between(row['low'], row['high'])})"


def _left(*ways: dict[str, Any]) -> str:
    """Whether something is left, where both ways say so."""
    shown = [way for way in ways if not math.isnan(way["low"])]
    if len(shown) == 2 and all(way["low"] > 0 for way in shown):
        return "More is given in like cases. "
    if len(shown) == 2 and all(way["high"] < 0 for way in shown):
        return "Less is given in like cases. "
    if len(shown) == 2 and all(way["low"] <= 0 <= way["high"] for way in shown):
        return "What is left may be chance. "
    return ""


def change_answer(contrast: AdjustedDisparity) -> str:
    """Whether the adjusted differences grow or shrink over the years."""
    said = []
    for row in contrast.change.itertuples():
        word = "may not change" if row.low <= 0 <= row.high else ("grows" if row.per_year > 0 else "shrinks")
        if word != "may not change" and contrast.of(row.group)["regression"]["difference"] < 0:
            word = {"grows": "shrinks", "shrinks": "grows"}[word]
        said.append(f"{row.group}: {word} ({months(row.per_year)} months a year, {between(row.low, row.high)})")
    return f"Over the years the adjusted difference from {contrast.reference}: {'; '.join(said)}." if said else ""


def sentencing_answer(audit: SentencingAudit) -> list[str]:
    """All of it, a sentence or two each."""
    contrast = [audit.reason] if audit.contrast is None else contrast_answers(audit.contrast)
    change = [] if audit.contrast is None else [change_answer(audit.contrast)]
    return [text for text in (case_answer(audit.case), *contrast, *change) if text]
