"""The section of the room of recidivism data."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd

from recidiv_core.charts.recidivism import rates_chart
from recidiv_core.data import person_codes
from recidiv_core.recidivism import MEASURED, RecidivismData, outcome_answer, outcome_rates
from recidiv_core.report.blocks import DASH, WITHHELD, figure_block, table_block, text_block
from recidiv_core.report.suppression import hide_small
from recidiv_core.words import listed, outward, percent


def protect(data: RecidivismData, *, min_cell: int) -> RecidivismData:
    """The data as they may be published: without outcomes that rest on fewer than ``min_cell`` people who came back, or
    who did not, or that another published one differs from by fewer rows; offence classes with fewer offences lose
    their count, and a second one with them.
    """
    hidden = set(_hidden(data, min_cell))
    codebook = data.codebook.assign(n=data.codebook["n"].astype(float).mask(_small_classes(data, min_cell)))
    outcomes = {name: own for name, own in data.outcomes.items() if name not in hidden}
    return dataclasses.replace(data, outcomes=outcomes, codebook=codebook)


def _hidden(data: RecidivismData, min_cell: int) -> list[str]:
    """The outcomes that are not published, general ones before those of a kind and short horizons before long ones."""
    people = person_codes(data.table[data.person]) if data.person is not None else np.arange(len(data))
    hidden: list[str] = []
    shown: list[tuple[int, int]] = []
    for one in sorted(data.outcomes.values(), key=lambda o: (o.kind, float("inf") if o.years is None else o.years)):
        values = data.table[one.name].to_numpy(dtype=float)
        fewest = min(len(np.unique(people[values == side])) for side in (0, 1))
        cells = (one.n_returned, one.n - one.n_returned)
        told = any(0 < abs(a - b) < min_cell for other in shown for a, b in zip(cells, other, strict=True))
        if fewest < min_cell or told:
            hidden.append(one.name)
        else:
            shown.append(cells)
    return hidden


def _small_classes(data: RecidivismData, min_cell: int) -> np.ndarray:
    """Which offence classes lose their count."""
    return hide_small(data.codebook["n"], min_cell)


def withheld(data: RecidivismData, *, min_cell: int) -> pd.DataFrame:
    """attribute, group, what: the outcomes and offence classes whose numbers are not published."""
    rows = [("outcome", name, "its numbers") for name in _hidden(data, min_cell)]
    rows += [("offence", name, "its count") for name in data.codebook.loc[_small_classes(data, min_cell), "offence"]]
    return pd.DataFrame(rows, columns=["attribute", "group", "what"])


def facts(data: RecidivismData) -> list[list[str]]:
    """What counted."""
    options = data.options
    found = [["Outcomes", ", ".join(data.outcomes) or WITHHELD]]
    if "cutoff" in options:
        found.append(["Watched until", options["cutoff"]])
        found += [[f"Counted as {kind}", listed(own)] for kind, own in options["groups"].items()]
    return found


def summary(data: RecidivismData) -> list[tuple[str, str | None, str]]:
    """Who came back."""
    if not data.outcomes:
        return [("Recidivism data", None, "Every outcome has too few people on one side to be published.")]
    return [("Recidivism data", None, outcome_answer(data, outcome_rates(data)))]


def sections(data: RecidivismData) -> list[dict[str, Any]]:
    """One section."""
    rates = outcome_rates(data)
    blocks = [text_block(summary(data)[0][2]), text_block(MEASURED)]
    if len(rates):
        rows = [
            [
                r.outcome,
                f"{r.n:,}",
                f"{r.n_returned:,}",
                percent(r.rate, r.low, r.high),
                f"{outward(r.low, r.high, percent=True)} %",
                f"{r.n_too_short:,}",
            ]
            for r in rates.itertuples()
        ]
        columns = ["Outcome", "Rows", "Came back", "Rate", "95 % interval", "Watched too briefly"]
        blocks.append(table_block("Rate of each outcome", columns, [False, *[True] * 5], rows))
        blocks.append(figure_block("Rate of each outcome, with 95 % interval", rates_chart(rates)))
    if len(data.codebook):
        marks = [kind for kind in data.codebook.columns if kind not in ("offence", "n")]
        rows = [
            [
                str(row["offence"]),
                WITHHELD if pd.isna(row["n"]) else f"{row['n']:,.0f}",
                listed([kind for kind in marks if row[kind]]) or DASH,
            ]
            for _, row in data.codebook.iterrows()
        ]
        blocks.append(
            table_block(
                "Codebook: what counts as what", ["Offence class", "Offences", "Counts as"], [False, True, False], rows
            )
        )
    return [{"title": "Recidivism data", "blocks": blocks}]


def ledger(data: RecidivismData) -> dict[str, Any]:
    """What was done with the rows."""
    rows = [
        [f"{r.step}: {r.issue}", r.solution, DASH if pd.isna(r.n_rows) else f"{r.n_rows:,}", f"{r.n_left:,}"]
        for r in data.ledger.itertuples()
    ]
    table = table_block(
        "What was left out, and why", ["Issue", "What was done", "Rows", "Rows left"], [False, False, True, True], rows
    )
    return {"title": "The data", "note": "", "blocks": [table]}
