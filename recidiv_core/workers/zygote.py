"""The warm process that workers are made from: it has loaded what they need, does nothing itself, and ends with the one
who started it.

``python -m recidiv_core.workers.zygote FD MODULE …``: on the socket FD comes one byte a worker, with two descriptors,
the worker's own socket and its lifeline. It forks, and the worker talks to whoever asked without it.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
from importlib import import_module

from recidiv_core.workers.worker import READY, work


def main(arguments: list[str]) -> int:
    """Fork a worker for each byte until the socket closes; between two of them load what is still to be loaded."""
    control = socket.socket(fileno=int(arguments[0]))
    to_load = arguments[1:]
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for a worker: its socket says all
    while True:
        if to_load and not select.select([control], [], [], 0)[0]:
            import_module(to_load.pop(0))
            continue
        try:
            asked, descriptors, _, _ = socket.recv_fds(control, 1, 2)
        except ConnectionError:
            return 0
        if not asked:
            return 0
        try:
            is_worker = os.fork() == 0
        except OSError:  # no memory, or too many processes: whoever asked sees that nobody came
            is_worker = False
        if is_worker:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            control.close()
            become_worker(*descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def become_worker(own: int, lifeline: int) -> None:
    """Do one piece of work in this process, just forked, and end it."""
    status = 1
    try:
        with socket.socket(fileno=own) as wire, wire.makefile("rb") as source, wire.makefile("wb") as sink:
            wire.sendall(READY)
            work(source, sink, lifeline)
        status = 0
    finally:
        os._exit(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
