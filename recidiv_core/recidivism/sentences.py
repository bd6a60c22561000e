"""What recidivism data say, in words that say no more."""

from __future__ import annotations

import pandas as pd

from recidiv_core.recidivism.result import RecidivismData
from recidiv_core.words import listed, outward, percent

MEASURED = (
    "These are measured outcomes: being caught again, not offending again. A group that is watched more is caught "
    "more, even where it offends no more, and no model trained on these data can know the difference."
)


def outcome_answer(data: RecidivismData, rates: pd.DataFrame) -> str:
    """How many came back within each horizon, and how many could not be said."""
    lead = f"{len(data):,} rows" + (f" of {data.source['n']:,} in the file" if data.source["n"] != len(data) else "")
    parts = [
        f"{percent(r.rate, r.low, r.high)} {r.outcome.removeprefix('recidivism ')} "
        f"({outward(r.low, r.high, percent=True)} %, n = {r.n:,})"
        for r in rates.itertuples()
        if r.n and data.outcomes[r.outcome].kind == ""
    ]
    short = {o.name: o.n_too_short for o in data.outcomes.values() if o.n_too_short and o.kind == ""}
    said = f"Came back: {listed(parts)}."
    if short:
        said += (
            " Not watched for long enough, and so left out of the outcome: "
            + listed([f"{n:,} {name.removeprefix('recidivism ')}" for name, n in short.items()])
            + "."
        )
    if any(o.years is None for o in data.outcomes.values()) and len(data.outcomes) > 1:
        said += (
            " “At any time” takes everybody, however briefly they were watched, and so can be lower than a rate within "
            "years."
        )
    return f"{lead}. {said}"


def group_answer(rates: pd.DataFrame, by: str) -> str:
    """The groups with the lowest and the highest rate of the outcome in ``rates``."""
    own = rates[rates["n"] > 0].sort_values("rate")
    if len(own) < 2:
        return ""
    low, high = own.iloc[0], own.iloc[-1]
    return (
        f"By {by}, {low['outcome']}: from {percent(low['rate'], low['low'], low['high'])} of {low['n']:,} "
        f"({low['group']}) to {percent(high['rate'], high['low'], high['high'])} of {high['n']:,} "
        f"({high['group']})."
    )
