"""Where model files from outside are opened and scored: a process of its own, within limits, that may die without harm.

Standard input: a line of JSON (name, size of the model), the model, and where a table is to be scored its columns as Parquet. Standard output: what
the model is, as JSON, or one float64 a row. Exit status 1: the problem, as JSON.
"""

from __future__ import annotations

import io
import json
import sys

from recidiv_core.errors import InputError

_MEMORY = 8_000_000_000  # of address space, of which libraries map much without using it
_SECONDS = 600
_CHUNK = 1_000  # rows scored at once: what a model may need grows with them


def main() -> int:
    """The whole process."""
    head = json.loads(sys.stdin.buffer.readline())
    data, table = sys.stdin.buffer.read(head["size"]), sys.stdin.buffer.read()
    _limit()
    from recidiv_core.models.loading import READERS, kind_of

    try:
        model = READERS[kind_of(data, head["name"])](data, head["name"])
        if table:
            sys.stdout.buffer.write(_scores(model, table, head["name"]))
        else:
            _scores(
                model, _rows_of_nothing(model), head["name"]
            )  # what cannot score is refused before anybody relies on it
            features = [[f.name, f.kind, list(f.levels)] for f in model.features]
            print(json.dumps({"title": model.title, "features": features, "card": model.card}))
    except InputError as error:
        problem = error.problems[0]
        print(json.dumps([problem.where, problem.expected, problem.found]))
        return 1
    return 0


def _scores(model, table: bytes, name: str) -> bytes:
    import numpy as np
    import pandas as pd

    from recidiv_core.models.prepare import model_frame

    frame = pd.read_parquet(io.BytesIO(table))
    parts = []
    for start in range(0, len(frame), _CHUNK):
        part = model_frame(frame.iloc[start : start + _CHUNK], model.features)
        parts.append(np.asarray(model.score(part), dtype=np.float64).reshape(-1))
        if parts[-1].shape != (len(part),):
            raise InputError.one(name, "one score a row", "something else")
    return np.concatenate(parts).tobytes()


def _rows_of_nothing(model) -> bytes:
    import numpy as np
    import pandas as pd

    from recidiv_core.models.prepare import NUMBER

    random = np.random.default_rng(0)
    rows = pd.DataFrame({
        f.name: random.normal(0, 10, _CHUNK) if f.kind == NUMBER else random.choice(list(f.levels) or ["a"], _CHUNK) for f in model.features
    })  # fmt: skip
    buffer = io.BytesIO()
    rows.to_parquet(buffer, index=False)
    return buffer.getvalue()


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
