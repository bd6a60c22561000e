"""A worker that is started cold, for one request from standard input: where nothing was started to fork from, or
nothing can be forked.
"""

from __future__ import annotations

import os
import sys

from recidiv_core.workers.worker import work

if __name__ == "__main__":
    work(sys.stdin.buffer, os.fdopen(os.dup(1), "wb"), None)
