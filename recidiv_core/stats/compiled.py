"""Loops that must be compiled to be fast.

Numba takes most of a second to import, and most commands need no loop: so what is compiled stands in files of its own,
called
``kernels``, which are imported where they are needed. Importing one compiles it, or takes it from disk.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit


def compiled(signature: str) -> Callable[..., Any]:
    """Compile a function for one signature, outside the interpreter's lock, and keep it on disk where that is
    allowed.
    """

    def compile_it(function: Callable[..., Any]) -> Callable[..., Any]:
        try:
            return njit(signature, cache=True, nogil=True)(function)
        except RuntimeError:  # no folder that numba may write to: compiled once in each process
            return njit(signature, nogil=True)(function)

    return compile_it
