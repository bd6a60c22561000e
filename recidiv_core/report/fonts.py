"""The typefaces of the report: shipped, so that it looks the same everywhere."""

from __future__ import annotations

import unicodedata
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
    """``text`` with each character that no typeface can show, or that shows nothing itself, written as its code
    point, "⟨U+6F22⟩".
    """
    return "".join(c if _shows(c) else f"⟨U+{ord(c):04X}⟩" for c in unicodedata.normalize("NFC", text))


@cache
def _shows(character: str) -> bool:
    # Joiners, marks and selectors of variants make one sign of several, which the compiler then looks for in one
    # typeface.
    is_hidden = unicodedata.category(character) in ("Cf", "Mn", "Me")
    return character in "\n\t" or (ord(character) in _covered() and not is_hidden)
