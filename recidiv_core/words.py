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


def people(*values: float) -> list[str]:
    """Fractions as counts of people, "45 in 100": all in the same hundred, or thousand when one is small."""
    if any(0 < value < 0.02 for value in values):
        return [f"{1000 * value:.0f} in 1,000" for value in values]
    return [f"{100 * value:.0f} in 100" for value in values]


def listed(names: list[str] | tuple[str, ...]) -> str:
    """Names in a sentence: "A, B and C"."""
    names = [str(name) for name in names]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""
