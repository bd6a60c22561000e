"""Whether the value of an option is one: it may come from anywhere, as JSON too, where a number has any number of
digits.
"""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np

MOST_DRAWS = 1_000_000
LARGEST_SEED = 2**32 - 1


def is_number(value: Any, low: float, high: float, *, whole: bool = False) -> bool:
    """Whether ``value`` is a number from ``low`` to ``high``, both included; True and False are none."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        return False
    return bool(low <= value <= high) and (not whole or isinstance(value, (int, np.integer)) or value % 1 == 0)


def is_threshold(value: Any) -> bool:
    """A finite number, or infinity, which flags nobody."""
    return is_number(value, -sys.float_info.max, sys.float_info.max) or (isinstance(value, float) and value == math.inf)


def is_seed(value: Any) -> bool:
    """Whether ``value`` can start a random generator, here and in scikit-learn."""
    return isinstance(value, (int, np.integer)) and is_number(value, 0, LARGEST_SEED)


def as_found(value: Any) -> str:
    """A value as an error may repeat it: a number of ordinary size, else nothing of it."""
    return f"{value:g}" if is_number(value, -1e308, 1e308) else "not a number" if _is_nan(value) else "something else"


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)
