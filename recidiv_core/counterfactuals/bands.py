"""Where numbers are cut: bands to count in, and round steps to walk in."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

FEW, _BANDS = 12, 10


def bands_of(values: np.ndarray, *, is_even: bool) -> tuple[np.ndarray, list[str]]:
    """Edges and names of at most some ten bands: each value for few, round steps for numbers spread evenly, else
    tenths of the profiles.
    """
    known = values[np.isfinite(values)]
    unique = np.unique(known)
    if len(unique) <= FEW:
        return np.append(unique, np.inf), [f"{value:,.10g}" for value in unique]
    if is_even:
        edges = even_edges(unique[0], unique[-1], _BANDS, is_whole=bool((unique % 1 == 0).all()))
    else:
        edges = np.unique(np.quantile(known, np.linspace(0, 1, _BANDS + 1), method="inverted_cdf"))
    names = [f"{start:,.10g} to under {end:,.10g}" for start, end in pairwise(edges)]
    return edges, [*names[:-1], names[-1].replace("under ", "")]


def even_edges(low: float, high: float, n: int, *, is_whole: bool = False) -> np.ndarray:
    """Round edges, from ``n`` steps up to some two and a half times as many, from at most ``low`` to at least
    ``high``.
    """
    rough = (high - low) / n
    unit = 10.0 ** np.floor(np.log10(rough))
    step = unit * max(s for s in (1, 2, 2.5, 5) if s * unit <= rough * (1 + 1e-9))
    if is_whole:
        step = max(np.floor(step), 1.0)
    places = np.arange(np.floor(low / step + 1e-9), np.ceil(high / step - 1e-9) + 1)
    return np.round(places * step, max(1 - int(np.floor(np.log10(unit))), 0))  # else 3 · 0.1 would lie above 0.3
