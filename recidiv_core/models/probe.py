"""What :func:`load_model` runs first, in a process of its own: open a model file and score rows of nothing, within limits."""

from __future__ import annotations

import json
import sys

from recidiv_core.errors import InputError

_MEMORY = 6_000_000_000  # of address space, of which libraries map much without using it
_SECONDS = 60
_ROWS = 1_000


def main() -> int:
    """0: it opens and scores. 1, with the problem on standard output: it does not."""
    name, data = sys.argv[1], sys.stdin.buffer.read()
    _limit()
    from recidiv_core.models.loading import READERS, kind_of
    from recidiv_core.models.prepare import NUMBER

    try:
        model = READERS[kind_of(data, name)](data, name)
        import numpy as np
        import pandas as pd

        random = np.random.default_rng(0)
        rows = pd.DataFrame({
            f.name: random.normal(0, 10, _ROWS) if f.kind == NUMBER else np.array(random.choice(list(f.levels) or ["a"], _ROWS), dtype=object)
            for f in model.features
        })  # fmt: skip
        made = model.score(rows)
        if np.shape(np.ravel(made)) != (_ROWS,):
            raise InputError.one(name, "one score a row", "something else")
    except InputError as error:
        problem = error.problems[0]
        print(json.dumps([problem.where, problem.expected, problem.found]))
        return 1
    return 0


def _limit() -> None:
    try:
        import resource
    except ImportError:  # not on Windows; there the time limit alone holds
        return
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # No file may be written: a model has no reason to.
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


if __name__ == "__main__":
    sys.exit(main())
