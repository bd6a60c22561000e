"""Where model files from outside are opened and scored: in a worker, within limits, that may die without harm."""

from __future__ import annotations

import io
import json

import numpy as np
import onnxruntime  # noqa: F401  loaded before the file comes, as are the next two
import pandas as pd
import skops.io  # noqa: F401
import xgboost  # noqa: F401

from recidiv_core.errors import InputError
from recidiv_core.models.loading import READERS, kind_of
from recidiv_core.models.prepare import NUMBER, model_frame
from recidiv_core.models.trained import TrainedModel

_CHUNK = 1_000  # rows scored at once: what a model may need grows with them


def probe(body: bytes, *, name: str, size: int) -> bytes:
    """What the model of the first ``size`` bytes is, as JSON; where a table as Parquet follows it, one float64 a
    row.
    """
    data, table = body[:size], body[size:]
    model = READERS[kind_of(data, name)](data, name)
    if table:
        return _scores(model, table, name)
    _scores(model, _rows_of_nothing(model), name)  # what cannot score is refused before anybody relies on it
    features = [[f.name, f.kind, list(f.levels)] for f in model.features]
    return json.dumps({"title": model.title, "features": features, "card": model.card}).encode()


def _scores(model: TrainedModel, table: bytes, name: str) -> bytes:
    frame = pd.read_parquet(io.BytesIO(table))
    parts = []
    for start in range(0, len(frame), _CHUNK):
        part = model_frame(frame.iloc[start : start + _CHUNK], model.features)
        parts.append(np.asarray(model.score(part), dtype=np.float64).reshape(-1))
        if parts[-1].shape != (len(part),):
            raise InputError.one(name, "one score a row", "something else")
    return np.concatenate(parts).tobytes()


def _rows_of_nothing(model: TrainedModel) -> bytes:
    random = np.random.default_rng(0)
    rows = pd.DataFrame(
        {
            f.name: random.normal(0, 10, _CHUNK) if f.kind == NUMBER else random.choice(list(f.levels) or ["a"], _CHUNK)
            for f in model.features
        }
    )
    buffer = io.BytesIO()
    rows.to_parquet(buffer, index=False)
    return buffer.getvalue()
