"""Loops that must be compiled to be fast."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function`` compiled at its first call, outside the interpreter's lock, and kept on disk where that is allowed."""
    try:
        return njit(cache=True, nogil=True)(function)
    except RuntimeError:  # no folder that numba may write to: compiled once in each process
        return njit(nogil=True)(function)
