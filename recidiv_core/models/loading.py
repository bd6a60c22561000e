"""A trained model from outside: skops, XGBoost or ONNX. Nothing in the file is run, and no pickle is opened."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from recidiv_core import workers
from recidiv_core.data import MISSING_GROUP, shown
from recidiv_core.errors import InputError
from recidiv_core.models.checks import check_onnx, check_trees, check_xgboost_json, sole
from recidiv_core.models.prepare import CATEGORY, NUMBER, Feature
from recidiv_core.models.trained import TrainedModel

MAX_BYTES = 200_000_000
MAX_UNPACKED = 1_000_000_000
OPENING = workers.Task("recidiv_core.models.probe:probe", seconds=60, memory=8_000_000_000)
SCORING = workers.Task("recidiv_core.models.probe:probe", seconds=600, memory=8_000_000_000)
_LOG = logging.getLogger(__name__)
ACCEPTED = "a model as skops (.skops), XGBoost (.json, .ubj) or ONNX (.onnx)"
CONVERT = (
    "a pickle or joblib file, which runs code when it is opened; load it where you trust it and save it again with "
    "skops.io.dump(model, 'model.skops')"
)
# Types that skops does not trust by itself and that only hold numbers; what their C code may be handed is checked in
# `checks`.
TRUSTED = frozenset(
    {
        "numpy.dtype",
        "sklearn.tree._tree.Tree",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "xgboost.core.Booster",
        "xgboost.sklearn.XGBClassifier",
    }
)
_PICKLES = (
    b"\x80\x02",
    b"\x80\x03",
    b"\x80\x04",
    b"\x80\x05",
    b"(dp",
    b"(lp",
    b"ccopy_reg",
    b"cos\n",
    b"c__builtin__",
    b"cposix",
    b"ZF0x",
)
_COMPRESSED = (
    b"\x78\x01",
    b"\x78\x5e",
    b"\x78\x9c",
    b"\x78\xda",
    b"\x1f\x8b",
    b"BZh",
    b"\xfd7zXZ",
    b"\x5d\x00\x00",
    b"\x04\x22\x4d\x18",
)


def load_model(
    source: str | Path | bytes, *, columns: Mapping[str, str] | None = None, name: str | None = None
) -> TrainedModel:
    """Load a trained model.

    Parameters
    ----------
    source : path or bytes
        The kind is told from the content, not from the ending.
    columns : mapping of the model's column -> the table's column
        For those whose names differ.

    Raises
    ------
    InputError
        When it is no such file, is damaged, wants to run something, or is no model that scores two outcomes.

    Notes
    -----
    This process looks at the first bytes only. The file is opened, and each table scored, in a process of its own with
    limits on memory and time, which may not write files: one made to crash crashes nothing else. The first file waits
    some three seconds for that process.
    """
    data, name = _bytes_of(source, name)
    kind = kind_of(data, name)
    found = json.loads(bytes(_elsewhere(data, name)))
    features = tuple(Feature(title, sort, tuple(levels)) for title, sort, levels in found["features"])
    card = {**found["card"], "kind": kind, "file": name, "sha256": hashlib.sha256(data).hexdigest()}
    unknown = sorted(set(columns or {}) - {f.name for f in features})
    if unknown:
        raise InputError.one(
            "columns",
            f"names among the model's {len(features)} columns",
            f"{len(unknown)} others, such as {shown(unknown[0])}",
        )

    def score(frame: pd.DataFrame) -> np.ndarray:
        buffer = io.BytesIO()
        frame.to_parquet(buffer, index=False)
        return np.frombuffer(_elsewhere(data, name, buffer.getvalue()))

    return TrainedModel(found["title"], features, score, card, dict(columns or {}))


def _bytes_of(source: str | Path | bytes, name: str | None) -> tuple[bytes, str]:
    if isinstance(source, (bytes, bytearray, memoryview)):
        data, name = bytes(source), name or "model"
    else:
        path = Path(source)
        name = name or path.name
        try:
            if path.stat().st_size > MAX_BYTES:
                raise InputError.one(
                    shown(name), f"at most {MAX_BYTES / 1e6:,.0f} MB", f"{path.stat().st_size / 1e6:,.0f} MB"
                )
            data = path.read_bytes()
        except (OSError, ValueError) as error:
            raise InputError.one(
                shown(name), "a file that can be read", getattr(error, "strerror", None) or "none"
            ) from None
    if len(data) > MAX_BYTES:
        raise InputError.one(shown(name), f"at most {MAX_BYTES / 1e6:,.0f} MB", f"{len(data) / 1e6:,.0f} MB")
    return data, name


def kind_of(data: bytes, name: str) -> str:
    """skops, xgboost or onnx, from the first bytes; a pickle is refused by them, whatever the ending."""
    if not data:
        raise InputError.one(shown(name), ACCEPTED, "an empty file")
    if data.startswith((*_PICKLES, *_COMPRESSED)) or Path(name).suffix.lower() in (".pkl", ".pickle", ".joblib"):
        raise InputError.one(shown(name), ACCEPTED, CONVERT)
    if data.startswith(b"PK\x03\x04"):
        return "skops"
    if data.lstrip()[:1] == b"{" and (b'"learner"' in data[:4096] or data[:1] == b"{"):
        return "xgboost"
    if data[:1] == b"\x08":  # the first field of an ONNX model, its version
        return "onnx"
    raise InputError.one(shown(name), ACCEPTED, "something else")


def _elsewhere(data: bytes, name: str, table: bytes = b"") -> memoryview:
    """What :mod:`recidiv_core.models.probe` makes of the file, in a worker."""
    task = SCORING if table else OPENING
    try:
        return workers.run(task, data + table, about=shown(name), options={"name": name, "size": len(data)})
    except workers.TooLong:
        found = f"one still busy after {task.seconds:g} seconds"
    except workers.Broken as error:
        _LOG.error("opening a model: %s", error.place or "the worker ended")
        found = "one that ended the process that tried, or wanted too much memory"
    raise InputError.one(shown(name), "a model that opens and scores", found)


def read_skops(data: bytes, name: str) -> TrainedModel:
    """A scikit-learn model, or one saved here with its card."""
    import skops.io

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(part.file_size for part in archive.infolist())
            members = {part.filename for part in archive.infolist()}
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise InputError.one(shown(name), ACCEPTED, "a damaged archive") from None
    if "schema.json" not in members:
        raise InputError.one(shown(name), ACCEPTED, "a zip archive that is no skops file")
    if unpacked > MAX_UNPACKED:
        raise InputError.one(shown(name), f"at most {MAX_UNPACKED / 1e6:,.0f} MB unpacked", f"{unpacked / 1e6:,.0f} MB")
    try:
        untrusted = sorted(set(skops.io.get_untrusted_types(data=data)) - TRUSTED)
    except Exception:  # on a hostile file skops and ONNX Runtime raise nearly anything, here and below
        raise InputError.one(shown(name), ACCEPTED, "a damaged skops file") from None
    if untrusted:
        listed = ", ".join(shown(kind, 60) for kind in untrusted[:5])
        raise InputError.one(
            shown(name),
            "types of scikit-learn, numpy and XGBoost only",
            f"{len(untrusted)} that are not trusted: {listed}",
        )
    try:
        found = skops.io.loads(data, trusted=sorted(TRUSTED))
    except Exception:
        raise InputError.one(shown(name), ACCEPTED, "a skops file that this version cannot read") from None
    own = isinstance(found, dict) and set(found) == {"recidiv", "pipeline"} and isinstance(found["recidiv"], str)
    card = sole(found["recidiv"]) if own else {}
    model = found["pipeline"] if own else found
    check_trees(model, name)
    score = _probability(model, name)
    features = tuple(_features_of(model, card, name))
    return TrainedModel(str(card.get("title") or type(model).__name__)[:80], features, score, card)


def _probability(model: Any, name: str) -> Callable[[pd.DataFrame], np.ndarray]:
    classes = getattr(model, "classes_", None)
    if not hasattr(model, "predict_proba") and not hasattr(model, "decision_function"):
        raise InputError.one(shown(name), "a fitted classifier", f"a {type(model).__name__[:60]}")
    if classes is None or len(classes) != 2:
        raise InputError.one(
            shown(name),
            "a classifier of two outcomes",
            "one that is not fitted" if classes is None else f"one of {len(classes)}",
        )
    if hasattr(model, "predict_proba"):
        return lambda frame: model.predict_proba(frame)[:, 1]
    return lambda frame: model.decision_function(frame)


def _features_of(model: Any, card: Mapping[str, Any], name: str) -> list[Feature]:
    """From the card, else from the names and encoders that the model remembers."""
    given = card.get("features")
    if given:
        try:
            found = [Feature(str(f["name"]), f["kind"], tuple(map(str, f["levels"]))) for f in given]
        except (TypeError, KeyError):
            raise InputError.one(shown(name), "a card that lists the model's columns", "one that does not") from None
        if all(f.kind in (NUMBER, CATEGORY) for f in found):
            return found
    names = getattr(model, "feature_names_in_", None)
    if names is None:
        raise InputError.one(
            shown(name), "a model that remembers the names of its columns (fitted on a DataFrame)", "one that does not"
        )
    categories = _encoded(model, name)
    return [Feature(str(n), CATEGORY if n in categories else NUMBER, categories.get(n, ())) for n in names]


def _encoded(model: Any, name: str) -> dict[str, tuple[str, ...]]:
    """The columns whose texts an encoder of the pipeline takes, with the texts it knows.

    Codes that are numbers stay numbers.
    """
    found: dict[str, tuple[str, ...]] = {}
    for step in getattr(model, "steps", []):
        for part in getattr(step[1], "transformers_", []):
            inner = [part[1], *(own for _, own in getattr(part[1], "steps", []))]
            for encoder in inner:
                for column, levels in zip(part[2], getattr(encoder, "categories_", ()), strict=False):
                    if np.asarray(levels).dtype.kind in "iuf":
                        continue
                    if not all(isinstance(level, str) or level is None or level != level for level in levels):
                        raise InputError.one(
                            shown(name),
                            "categories that are texts or numbers",
                            f"others in the column {shown(column, 40)}",
                        )
                    found[column] = tuple(level for level in levels if isinstance(level, str))
    return found


def read_xgboost(data: bytes, name: str) -> TrainedModel:
    """A booster saved as JSON or UBJSON."""
    from xgboost import Booster, DMatrix
    from xgboost.core import XGBoostError

    if data.lstrip()[:1] == b"{" and data.lstrip()[1:2] in b'" \r\n\t}':
        check_xgboost_json(data, name)
    booster = Booster()
    try:
        booster.load_model(bytearray(data))
        config = json.loads(booster.save_config())
        names = booster.feature_names
    except (XGBoostError, ValueError, UnicodeDecodeError):
        raise InputError.one(shown(name), ACCEPTED, "a damaged XGBoost model") from None
    objective = config["learner"]["objective"]["name"]
    if not objective.startswith(("binary:", "reg:logistic", "rank:")):
        raise InputError.one(shown(name), "a model of two outcomes (objective binary:logistic)", shown(objective, 40))
    if not names:
        raise InputError.one(shown(name), "a model that remembers the names of its columns", "one that does not")
    if any(kind == "c" for kind in booster.feature_types or ()):
        raise InputError.one(
            shown(name), "numeric columns only", "categories of XGBoost's own, whose levels the file does not hold"
        )
    features = tuple(Feature(str(n), NUMBER) for n in names)
    best = booster.attr("best_iteration")
    trees = (0, int(best) + 1) if best is not None and best.isdecimal() else (0, 0)

    def score(frame: pd.DataFrame) -> np.ndarray:
        return booster.predict(
            DMatrix(frame.to_numpy(dtype=np.float32), feature_names=list(names)), iteration_range=trees
        )

    return TrainedModel("XGBoost model", features, score, {"objective": objective})


def read_onnx(data: bytes, name: str) -> TrainedModel:
    """A graph of plain operations on the columns; a single matrix as input takes its columns from the file's
    metadata, or by position.
    """
    import onnxruntime

    inputs, outputs, metadata = check_onnx(data, name)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    try:
        runner = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception:
        raise InputError.one(shown(name), ACCEPTED, "an ONNX model that does not load") from None
    features, feed = _onnx_columns(inputs, metadata, name)

    def score(frame: pd.DataFrame) -> np.ndarray:
        try:
            found = runner.run(None, feed(frame))
        except Exception:
            raise InputError.one(
                shown(name), "an ONNX model that scores these columns", "one that fails on them"
            ) from None
        return _onnx_score(dict(zip(outputs, found, strict=True)), len(frame), name)

    return TrainedModel("ONNX model", features, score, {"metadata": {k: v[:200] for k, v in metadata.items()}})


def _onnx_columns(
    inputs: list[tuple[str, str, int | None]], metadata: Mapping[str, str], name: str
) -> tuple[tuple[Feature, ...], Callable]:
    if len(inputs) == 1 and (inputs[0][2] or 0) > 1 and inputs[0][1] != "text":
        title, kind, width = inputs[0]
        names = sole(metadata.get("feature_names", "null"))
        if not (isinstance(names, list) and len(names) == width and all(isinstance(n, str) for n in names)):
            names = [f"column {i + 1}" for i in range(width)]
        dtype = np.float64 if kind == "double" else np.float32
        return tuple(Feature(n, NUMBER) for n in names), lambda frame: {title: frame.to_numpy(dtype=dtype)}
    for title, _, width in inputs:
        if width not in (None, 1):
            raise InputError.one(
                shown(name),
                "one matrix of numbers, or one input for each column",
                f"the input {shown(title, 40)} of {width} columns",
            )
    dtypes = {"float": np.float32, "double": np.float64, "int64": np.int64, "text": object}
    features = tuple(Feature(title, CATEGORY if kind == "text" else NUMBER) for title, kind, _ in inputs)

    def feed(frame: pd.DataFrame) -> dict[str, np.ndarray]:
        made = {}
        for title, kind, _ in inputs:
            own = frame[title].fillna(MISSING_GROUP) if kind == "text" else frame[title]
            if kind == "int64" and own.isna().any():
                raise InputError.one(
                    f"column {shown(title, 40)}", "a whole number in every row, which the model takes", "missing values"
                )
            made[title] = own.to_numpy(dtype=dtypes[kind]).reshape(-1, 1)
        return made

    return features, feed


def _onnx_score(outputs: Mapping[str, Any], n: int, name: str) -> np.ndarray:
    """The probability of the second class: the last output that is numbers, two columns, one, or a map for each row."""
    for value in reversed(list(outputs.values())):
        if isinstance(value, list) and len(value) == n and isinstance(value[0], dict) and len(value[0]) == 2:
            last = sorted(value[0])[-1]
            return np.array([row[last] for row in value], dtype=float)
        if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.size in (n, 2 * n):
            return value.reshape(n, -1)[:, -1].astype(float)
    raise InputError.one(shown(name), "one or two numbers a row as output", "something else")


READERS: dict[str, Callable[[bytes, str], TrainedModel]] = {
    "skops": read_skops,
    "xgboost": read_xgboost,
    "onnx": read_onnx,
}
