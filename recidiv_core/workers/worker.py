"""What a worker does: one request, one answer, within limits.

Request and answer are frames: a length of eight bytes, then so many bytes. A request is the task as JSON and the body;
an answer is one byte, which says of what kind it is, and the result. Nothing is ever unpickled, on either side.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from recidiv_core.errors import InputError, Problem

DONE, REFUSED, FAULT = b"+", b"-", b"!"
READY = b"."  # what a worker says when it is there
_LENGTH = 8
_MOST = 1 << 40  # bytes of a frame: more is no frame of ours


def write_frame(stream: IO[bytes], *parts: bytes) -> None:
    """Write one frame."""
    stream.write(sum(map(len, parts)).to_bytes(_LENGTH, "big"))
    for part in parts:
        stream.write(part)
    stream.flush()


def read_frame(stream: IO[bytes]) -> bytes:
    """Read one frame.

    Raises
    ------
    EOFError
        When the other side ended before it was whole.
    """
    head = stream.read(_LENGTH)
    size = int.from_bytes(head, "big")
    if len(head) < _LENGTH or size > _MOST:
        raise EOFError
    found = stream.read(size)
    if len(found) < size:
        raise EOFError
    return found


def work(source: IO[bytes], sink: IO[bytes], lifeline: int | None) -> None:
    """Answer one request. Nothing that is printed meanwhile goes anywhere: a warning can hold a cell value.

    ``lifeline`` is the reading end of a pipe that is never written to: when it closes whoever asked is gone, and this
    process ends.
    """
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    if lifeline is not None:
        _end_with(lifeline)
    asked = json.loads(read_frame(source))
    body = read_frame(source)
    _limit(asked["seconds"], asked["memory"], may_write=asked["may_write"])
    try:
        module, _, name = asked["function"].partition(":")
        kind, told = DONE, getattr(import_module(module), name)(body, **asked["options"])
    except InputError as error:
        kind, told = REFUSED, _plain(error.problems)
    except MemoryError:
        kind, told = REFUSED, _plain([Problem(asked["about"], "one that fits into memory", "one that does not")])
    except BaseException as error:  # its place alone is told: what it says could hold a cell value
        kind, told = FAULT, place_of(error).encode()
    write_frame(sink, kind, told)


def place_of(error: BaseException) -> str:
    """Where an error came from, and of which type it is; never what it says."""
    places = [p for p in traceback.extract_tb(error.__traceback__) if p.filename != __file__]
    own = [p for p in places if {"recidiv_core", "pages"} & set(Path(p.filename).parts)]
    told = dict.fromkeys(f"{'/'.join(Path(p.filename).parts[-3:])}:{p.lineno}" for p in [*places[-1:], *own[-1:]])
    return f"{type(error).__name__} at {' < '.join(told)}"


def _plain(problems: Sequence[Problem]) -> bytes:
    return json.dumps([[problem.where, problem.expected, problem.found] for problem in problems]).encode()


def _end_with(lifeline: int) -> None:
    """End this process when the pipe closes, whatever it is busy with.

    Not by ``PR_SET_PDEATHSIG``, which follows the thread that started the process, and a page's thread ends at every
    rerun. On Linux the kernel sends the signal, which also ends a compiled loop that never lets another thread run;
    elsewhere a thread waits, and the clock ends such a loop.
    """
    if sys.platform == "linux":
        import fcntl

        signal.signal(signal.SIGIO, signal.SIG_DFL)
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_NONBLOCK | os.O_ASYNC)
        try:
            is_open = os.read(lifeline, 1) != b""
        except BlockingIOError:
            is_open = True
        if not is_open:  # it closed before the kernel was told to watch it
            os._exit(1)
    else:
        threading.Thread(target=_wait_for_end, args=(lifeline, lambda: os._exit(1)), daemon=True).start()


def _wait_for_end(lifeline: int, end: Callable[[], Any]) -> None:
    os.read(lifeline, 1)
    end()


def _limit(seconds: float, memory: int, *, may_write: bool) -> None:
    try:
        import resource
    except ImportError:  # not on Windows; there whoever asked holds the clock
        return
    if sys.platform == "linux":  # where memory runs out it is this process that goes, and not the server
        with suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("1000")
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) * (os.cpu_count() or 1) + 1,) * 2)
    resource.setrlimit(resource.RLIMIT_DATA, (_held() + memory,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if not may_write:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _held() -> int:
    """Bytes that this process had of whoever it was forked from: they are not the work's."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[5]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:  # not on Linux
        return 0
