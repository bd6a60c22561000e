"""What an audit of slices says, in words that never go beyond its tests."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from recidiv_core.slices.audit import BY_HAND, FOUND, SliceAudit
from recidiv_core.slices.losses import LOSSES
from recidiv_core.words import listed, many, number, outward, people, percent

MARKS = {True: "▲ confirmed", False: "□ not confirmed"}


def is_share(audit: SliceAudit) -> bool:
    """Whether the mean error is a share of people."""
    return audit.error in LOSSES and audit.error != "log_loss"


def error_text(audit: SliceAudit, value: float, low: float = math.nan, high: float = math.nan) -> str:
    """A mean error as it is printed: a share in percent, another with its figures."""
    return percent(value, low, high) if is_share(audit) else number(value, low, high)


def slice_answer(audit: SliceAudit) -> str:
    """Whether there are slices in which the model fails more than elsewhere, and the worst of them."""
    columns = f"{len(audit.features)} column{'s' if len(audit.features) != 1 else ''}"
    if audit.n_found == 0:
        higher = " A higher α looks for smaller slices." if audit.options["alpha"] < 1 and audit.mean_error > 0 else ""
        return (
            f"No slice was found: {audit.reason}, among {audit.n_predicates:,} values of {columns} "
            f"({audit.error_mean} {error_text(audit, audit.mean_error)} overall).{higher}"
        )
    n = f"{audit.n_found} slice{'s' if audit.n_found != 1 else ''}"
    if audit.n_confirmed == 0:
        return (
            f"{n} with more error than the average {'was' if audit.n_found == 1 else 'were'} found, but none is "
            f"confirmed on the {audit.n_held_out:,} rows that the search did not see: what was found may be chance."
        )
    which = "it is" if audit.n_found == 1 else f"{audit.n_confirmed} {'is' if audit.n_confirmed == 1 else 'are'}"
    lead = (
        "The model fails more often in some slices than on average"
        if is_share(audit)
        else "The model's error is larger in some slices than on average"
    )
    found = f"{n} was found, and" if audit.n_found == 1 else f"of {n} found,"
    rows = audit.table[audit.table["confirmed"] & (audit.table["kind"] == FOUND) & audit.table["low"].notna()]
    first = f" {worst_sentence(audit, next(rows.itertuples()))}" if len(rows) else ""
    return f"{lead}: {found} {which} confirmed on rows that the search did not see.{first}{_beyond(audit)}"


def _beyond(audit: SliceAudit) -> str:
    """How many of the other confirmed slices stand out among the people that are not in the first."""
    if audit.n_confirmed < 2:
        return ""
    others = audit.n_confirmed - 1
    count = "none" if audit.n_beyond == 0 else f"{audit.n_beyond}"
    subject = "the other" if others == 1 else f"the other {others}"
    verb = "still stands out" if audit.n_beyond in (0, 1) else "still stand out"
    return f" Without its people, {count} of {subject} {verb}."


def worst_sentence(audit: SliceAudit, row: Any) -> str:
    """The first confirmed slice: who, how much, how sure."""
    lead = f"The first confirmed: {row.words}, {percent(row.held_out_share)} of {audit.about}."
    n = f"{row.held_out_n:,.0f} held-out rows"
    more = outward(row.low, row.high, percent=is_share(audit))
    if not is_share(audit):
        own, whole = (number(value, row.low, row.high) for value in (row.held_out_error, audit.held_out_error))
        return f"{lead} There the {audit.error_mean} is {own} against {whole} over all, more by {more} ({n})."
    own, whole = people(row.held_out_error, audit.held_out_error)
    verb = {
        "zero_one": "are decided wrongly",
        "false_positive": "are flagged all the same",
        "false_negative": "are missed",
    }
    return f"{lead} There {own} {verb[audit.error]}, over all {whole}: more by {more} percentage points ({n})."


def slice_notes(audit: SliceAudit) -> list[str]:
    """What a reader must know besides."""
    found = [
        f"Searched: {audit.n_predicates:,} values of {len(audit.features)} "
        f"column{'s' if len(audit.features) != 1 else ''} and all {many(audit.n_conjunctions)} of their "
        f"combinations; bounds ruled out all but {audit.n_opened:,} branches."
    ]
    untested = audit.table[audit.table["reason"] != ""]
    if len(untested):
        reasons = listed([f"{row.words} ({row.reason})" for row in untested.itertuples()])
        found.append(f"Could not be tested: {reasons}.")
    by_hand = audit.table[audit.table["kind"] == BY_HAND]
    below = by_hand[by_hand["high"] < 0]
    if len(below):
        found.append(f"Less error than the average, on held-out rows: {listed(list(below['words']))}.")
    return found


def comparison_sentence(table: pd.DataFrame, *, share: bool) -> str:
    """What :func:`compare_slices` says of each other variant: over all rows, and in the slices compared."""
    start = table["variant"].iloc[0]
    parts = []
    for variant, own in table[table["change"].notna()].groupby("variant", sort=False):
        worse, better = own["change_low"] > 0, own["change_high"] < 0
        whole = own[own["kind"] == "all rows"].iloc[0]
        said = "cannot be told apart"
        if whole["change_low"] > 0 or whole["change_high"] < 0:
            ends = sorted((abs(whole["change_low"]), abs(whole["change_high"])))
            unit = " percentage points" if share else ""
            said = f"is {'larger' if whole['change_low'] > 0 else 'smaller'} by {outward(*ends, percent=share)}{unit}"
        slices = own["kind"] != "all rows"
        parts.append(
            f"Against {start} the error of {variant} over all held-out rows {said}. Of {int(slices.sum())} slices "
            f"compared it is smaller in {int((better & slices).sum())}, larger in {int((worse & slices).sum())}, "
            "and cannot be told apart in the others."
        )
    return " ".join(parts)
