"""Many tests at once."""

from __future__ import annotations

import numpy as np


def holm(p_values: np.ndarray, alpha: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    """Holm's (1979) adjusted p-values, and the level at which each was tested; one not reached has that of the first
    that failed.

    Both of shape (m,). A missing p-value is no test: it stays missing, and has the level ``alpha``.
    """
    adjusted, levels = np.full(len(p_values), np.nan), np.full(len(p_values), alpha)
    tested = np.flatnonzero(~np.isnan(p_values))
    left, highest, level = len(tested), 0.0, alpha
    has_failed = False
    for i in tested[np.argsort(p_values[tested], kind="stable")]:
        level = level if has_failed else alpha / left
        highest = max(highest, min(1.0, left * p_values[i]))
        adjusted[i], levels[i] = highest, level
        has_failed |= highest > alpha
        left -= 1
    return adjusted, levels
