"""What this process may hold in memory, where somebody said so, and how it gives back what it no longer needs."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from pathlib import Path

import pyarrow as pa

from recidiv_core.errors import InputError

_limit: int | None = None


def limit_to(size: int | None) -> None:
    """Take in nothing more once this process would hold more than ``size`` bytes; None: whatever comes."""
    global _limit
    _limit = size
    # Arrow's own allocator keeps what a thread that has ended left behind, and every run of a page is a thread.
    pa.set_memory_pool(pa.system_memory_pool())


def resident() -> int:
    """Bytes of memory that this process holds now."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:  # not on Linux: the most it ever held
        import resource

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024


def has_room(size: int) -> bool:
    """Whether ``size`` bytes more may be held."""
    return _limit is None or resident() + size <= _limit


def check_room(size: int, *, about: str) -> None:
    """Refuse what would take ``size`` bytes more than may be held.

    Raises
    ------
    InputError
        Which says that it is for want of room, and not for anything that is wrong with it.
    """
    if not has_room(size):
        give_back()
    if not has_room(size):
        raise InputError.one(
            about, "room for it in this server's memory", "none left: others use it now; try again later"
        )


def give_back() -> None:
    """Free what nobody refers to, and let the system have it."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's own
        if trim is not None:
            trim(0)
