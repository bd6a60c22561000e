"""The slow, obvious way: one person's events at a time, one question at a time."""

from __future__ import annotations

import datetime as dt
from collections import Counter


def plus_years(day: dt.date, years: int) -> dt.date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


def appearances(events: list[dict], cutoff: dt.date) -> list[dict]:
    """One record for each person and day up to the cut-off, with all of the person's earlier events."""
    usable = [e for e in events if e["person"] is not None and e["date"] is not None and e["date"] <= cutoff]
    found = []
    for person, day in sorted({(e["person"], e["date"]) for e in usable}):
        own = [e for e in usable if e["person"] == person]
        found.append(
            {
                "person": person,
                "day": day,
                "known": [e for e in own if e["date"] <= day],
                "today": [e for e in own if e["date"] == day],
                "later": [e for e in own if e["date"] > day],
            }
        )
    return found


def outcome(one: dict, cutoff: dt.date, years: int | None, violent: set[str] | None) -> int | None:
    returns = [e["date"] for e in one["later"] if violent is None or e["offence"] in violent]
    if years is None:
        return int(bool(returns))
    end = plus_years(one["day"], years)
    if end > cutoff:
        return None
    return int(any(day <= end for day in returns))


def features(one: dict, classes: list[str]) -> dict:
    known, today = one["known"], one["today"]
    counts = Counter(e["offence"] for e in known if e["offence"] is not None)
    n = sum(counts.values())
    days = sorted({e["date"] for e in known})
    found = {
        "appearances": len(days),
        "offences": len(known),
        "years since last appearance": (days[-1] - days[-2]).days / 365.25 if len(days) > 1 else None,
        "diversity index": 1 - sum((c / n) ** 2 for c in counts.values()) if n else None,
        "custody days": sum(e["days"] or 0 for e in today),
        "custody days over lifetime": sum(e["days"] or 0 for e in known),
        "ever sentenced to custody": any(e["days"] for e in known),
        "ever involved a weapon": any(e["weapon"] for e in known),
    }
    return found | {f"lifetime offences: {name}": counts[name] for name in classes}
