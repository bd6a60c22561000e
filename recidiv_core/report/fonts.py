"""The typefaces of the report: shipped, so that it looks the same everywhere."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from fontTools.ttLib import TTFont

FONTS = Path(__file__).with_name("typefaces")


@cache
def _covered() -> frozenset[int]:
    """The characters that every weight of some typeface can show."""
    families = (("SourceSansPro-Regular", "SourceSansPro-Bold"), ("DejaVuSans", "DejaVuSans-Bold"))
    covered: set[int] = set()
    for family in families:
        maps = []
        for name in family:
            with TTFont(FONTS / f"{name}.ttf", lazy=True) as font:
                maps.append(set(font.getBestCmap()))
        covered |= set.intersection(*maps)
    return frozenset(covered)


def printable(text: str) -> str:
    """``text`` with each character that no typeface can show written as its code point, "⟨U+6F22⟩"."""
    covered = _covered()
    return "".join(c if ord(c) in covered or c in "\n\t" else f"⟨U+{ord(c):04X}⟩" for c in text)
