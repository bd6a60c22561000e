"""Numbers as text, rounded to what their interval supports, and counted in people."""

from __future__ import annotations

import math


def significant_digits(low: float, high: float, *, most: int = 4) -> int:
    """Decimals worth printing for a value known to lie between low and high: its half-width's first figure and one."""
    half = (high - low) / 2
    if not math.isfinite(half) or half <= 0:
        return 3
    return int(min(most, max(0, math.ceil(-math.log10(half)) + 1)))


def number(value: float, low: float = math.nan, high: float = math.nan) -> str:
    """A number, "not estimable" when it does not exist."""
    if value is None or math.isnan(value):
        return "not estimable"
    if math.isinf(value):
        return "∞"
    return f"{value:.{significant_digits(low, high)}f}"


def percent(value: float, low: float = math.nan, high: float = math.nan) -> str:
    """A fraction as a percentage, "not estimable" when it does not exist."""
    if value is None or math.isnan(value):
        return "not estimable"
    digits = max(significant_digits(low, high) - 2, 0) if math.isfinite(high - low) else 1
    return f"{100 * value:.{digits}f} %"


def points(value: float) -> str:
    """A difference of fractions in percentage points."""
    scaled = 100 * value
    text = f"{scaled:.1f}".removesuffix(".0")
    return f"{text} percentage point{'' if text == '1' else 's'}"


def people(*values: float, tell_apart: bool = True) -> list[str]:
    """Fractions as counts of people, "45 in 100": all in one unit, the smallest that tells them from each other (where
    asked to) and leaves at least two people on either side.
    """
    for unit in (100, 1_000, 10_000, 100_000):
        counts = [round(unit * value) for value in values]
        told_apart = not tell_apart or len(set(counts)) == len(set(values))
        if told_apart and all(v in (0, 1) or 2 <= c <= unit - 2 for c, v in zip(counts, values, strict=True)):
            break
    return [f"{count:,} in {unit:,}" for count in counts]


def listed(names: list[str] | tuple[str, ...]) -> str:
    """Names in a sentence: "A, B and C"."""
    names = [str(name) for name in names]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""


def outward(low: float, high: float, *, percent: bool) -> str:
    """Bounds rounded away from what they bound, "1.2 to 3.5": in percent with one decimal, else with three or as
    many as tell them apart.
    """
    places = 3 if percent else max(3, significant_digits(low, high, most=12))
    scale, digits = 10**places, 1 if percent else places
    shown = [
        math.floor(low * scale) / scale if math.isfinite(low) else low,
        math.ceil(high * scale) / scale if math.isfinite(high) else high,
    ]
    texts = ["withheld" if math.isnan(x) else f"{x * (100 if percent else 1):.{digits}f}" for x in shown]
    return " to ".join(texts)


def opened(text: str) -> str:
    """A text with a capital at its start, the rest as it is."""
    return text[:1].upper() + text[1:]


def many(n: int) -> str:
    """A count that may be beyond reading: "12,345", "1.2 million", "more than 10^15"."""
    for size, word in ((10**12, "trillion"), (10**9, "billion"), (10**6, "million")):
        if size <= n < 1000 * size:
            return f"{n / size:.1f} {word}"
    return f"{n:,}" if n < 10**6 else f"more than 10^{len(str(n)) - 1}"
