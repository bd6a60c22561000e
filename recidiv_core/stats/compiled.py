"""Loops that must be compiled to be fast."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import Any


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function`` compiled at its first call, outside the interpreter's lock, and kept on disk where that is allowed."""

    @cache
    def machine_code() -> Callable[..., Any]:
        from numba import njit  # only here: it takes most of a second, and most commands need no loop

        try:
            return njit(cache=True, nogil=True)(function)
        except RuntimeError:  # no folder that numba may write to: compiled once in each process
            return njit(nogil=True)(function)

    @wraps(function)
    def call(*arguments: Any) -> Any:
        return machine_code()(*arguments)

    return call
