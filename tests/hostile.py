"""Tables as nobody should send them, which a program has to refuse or answer all the same.

Everything follows from a seed.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from recidiv_core import Roles

Random = np.random.Generator
# Names that the program uses itself, that markup or a spreadsheet would take for theirs, and that are hard to print.
NAMES = [
    "n", "group", "metric", "label", "score", "weight", "index", "low", "high", "value", "attribute", "level", "error",
    "predicted", "slice", "(missing)", "(none)", "model score", "a|b", "$x$", "**b**", "<b>x</b>", "=1+1", " x ",
    "x\ty", "é", "名前", "\u202eevil", "x" * 300, "0", "1.5", "nan", "None", "[y]", "'q'", "a\\b", "{c}", "#1", "%s",
    "x.y",
]  # fmt: skip
LEVELS = [
    "a", "b", "c", "NA", "nan", "None", "", " ", "0", "1", "-1", "1.0", "True", "(missing)", "all", "<i>", "=cmd", "é",
    "中文", "\u202e", "x" * 200, "a|b", "$", "*", "Ⅷ", "٣", "👩‍⚖️", "Q\u0301",
]  # fmt: skip
NUMBERS = [
    0, -0.0, 1, -1, 0.5, 1e-300, 1e300, -1e308, np.inf, -np.inf, np.nan, 2**53, 2**53 + 1, 1e15, 0.1 + 0.2, 5e-324,
    100, 99.9,
]  # fmt: skip


def _pick(random: Random, options: list[Any]) -> Any:
    return options[int(random.integers(len(options)))]


def _rows(random: Random) -> int:
    return int(_pick(random, [1, 2, 3, 5, 12, 40, 60, 90, 150, 150, 300, 300]))


def _groups(random: Random, n: int) -> Any:
    """A protected attribute: some levels, dealt evenly or not at all so."""
    levels = list(dict.fromkeys(_pick(random, LEVELS) for _ in range(int(random.integers(1, 6)))))
    shares = random.dirichlet(np.full(len(levels), _pick(random, [0.2, 1, 5])))
    values = pd.Series(random.choice(np.array(levels, dtype=object), n, p=shares))
    kind = int(random.integers(8))
    if kind == 0:
        return values.astype("category")
    if kind == 1:
        return random.integers(0, 3, n)
    if kind == 2:
        return random.random(n) < 0.5
    if kind == 3:
        return random.integers(15, 80, n).astype(float)
    if kind == 4:
        return pd.Categorical(values, categories=sorted(set(values)), ordered=True)
    return values.where(random.random(n) < _pick(random, [1, 1, 0.9, 0.5]), None)


def _scores(random: Random, n: int) -> Any:
    kinds: list[Callable[[], Any]] = [
        lambda: random.random(n),
        lambda: random.random(n).round(1),
        lambda: random.integers(1, 11, n),
        lambda: np.full(n, _pick(random, NUMBERS), dtype=float),
        lambda: random.normal(0, _pick(random, [1e-9, 1, 1e9, 1e300]), n),
        lambda: random.choice(np.array(NUMBERS, dtype=float), n),
        lambda: random.integers(0, 2, n),
        lambda: np.array([f"{x:.2f}" for x in random.random(n)], dtype=object),
        lambda: random.random(n) < 0.3,
        lambda: random.integers(-(2**62), 2**62, n),
        lambda: np.clip(random.normal(0.5, 0.4, n), 0, 1),
    ]
    return kinds[int(random.choice(len(kinds), p=np.array([6, 4, 3, 1, 1, 1, 2, 1, 1, 1, 3]) / 24))]()


def _labels(random: Random, n: int) -> tuple[Any, Any]:
    """The outcome and which of its values is the event."""
    events = random.random(n) < _pick(random, [0, 0.02, 0.3, 0.5, 0.5, 0.9, 1])
    no, yes = _pick(
        random, [(0, 1), (0, 1), (0, 1), (False, True), ("no", "yes"), (1.0, 2.0), (-1, 1), ("0", "1"), ("", "x")]
    )
    return pd.Series(np.where(events, np.array(yes, dtype=object), np.array(no, dtype=object))).infer_objects(), yes


def _feature(random: Random, n: int) -> Any:
    kinds: list[Callable[[], Any]] = [
        lambda: random.normal(0, 1, n),
        lambda: random.integers(0, 5, n),
        lambda: np.full(n, 7),
        lambda: np.full(n, np.nan),
        lambda: [f"id{i}" for i in range(n)],
        lambda: random.choice(np.array(LEVELS, dtype=object), n),
        lambda: pd.Timestamp("1999-12-31") + pd.to_timedelta(random.integers(0, 9_000, n), unit="D"),
        lambda: random.choice(np.array(NUMBERS, dtype=float), n),
        lambda: random.random(n) < 0.5,
        lambda: random.integers(0, 2**62, n),
        lambda: random.exponential(1, n) ** 9,
    ]
    return _pick(random, kinds)()


def shaped(random: Random) -> tuple[pd.DataFrame, Roles]:
    """A table and its roles, with some of what goes wrong planted in it: a group without any score, one without an
    outcome, of one person, of one class …
    """
    n = _rows(random)
    names = list(random.permutation(np.array(NAMES, dtype=object))) if random.random() < 0.4 else []
    taken = iter([*names, *(f"c{i}" for i in range(20))])
    label, yes = _labels(random, n)
    columns: dict[str, Any] = {}
    own = {role: str(next(taken)) for role in ("label", "score", "g1", "g2", "weight", "id")}
    columns[own["label"]], columns[own["score"]] = label, _scores(random, n)
    columns[own["g1"]] = _groups(random, n)
    sensitive = [own["g1"]]
    if random.random() < 0.4:
        columns[own["g2"]] = _groups(random, n)
        sensitive.append(own["g2"])
    features = [str(next(taken)) for _ in range(int(random.integers(0, 4)))]
    columns |= {name: _feature(random, n) for name in features}
    weight = own["weight"] if random.random() < 0.2 else None
    if weight:
        columns[weight] = _pick(
            random,
            [
                random.random(n),
                np.zeros(n),
                np.full(n, 1e300),
                random.choice([0.0, 1, 1e12], n),
                random.integers(1, 9, n),
            ],
        )
    identifier = own["id"] if random.random() < 0.2 else None
    if identifier:
        columns[identifier] = random.integers(0, max(1, n // 3), n)
    frame = pd.DataFrame({name: pd.Series(values).reset_index(drop=True) for name, values in columns.items()})
    frame = _planted(random, frame, own)
    has_score = random.random() < 0.9
    prediction = own["score"] if not has_score else None
    roles = Roles(
        own["label"],
        score=own["score"] if has_score else None,
        prediction=prediction,
        sensitive=tuple(sensitive),
        weight=weight,
        id=identifier,
        features=tuple(features) if random.random() < 0.5 else (),
        positive_label=yes,
        polarity=_pick(random, ["punitive", "assistive"]),
    )
    return frame, roles


def _planted(random: Random, frame: pd.DataFrame, own: dict[str, str]) -> pd.DataFrame:
    """What real tables have in one corner of them."""
    groups = frame[own["g1"]].astype(object)
    first = (groups == groups.iloc[0]).to_numpy(dtype=bool)
    score, label = own["score"], own["label"]
    kind = int(random.integers(9))
    if kind == 0:
        frame[score] = frame[score].astype(object).where(~first, None)
    elif kind == 1:
        frame[label] = frame[label].astype(object).where(~first, None)
    elif kind == 2 and first.any():
        frame.loc[first, label] = frame[label].iloc[0]
    elif kind == 3 and len(frame) > 2:
        lone = frame[own["g1"]].astype(object)
        lone.iloc[-1] = "one person"
        frame[own["g1"]] = lone
    elif kind == 4 and first.any():
        frame.loc[first, score] = frame[score].iloc[0]
    elif kind == 5:
        frame = frame.mask(random.random(frame.shape) < 0.1)
    elif kind == 6:
        frame = pd.concat([frame, frame.iloc[: len(frame) // 2]], ignore_index=True)
    return frame.infer_objects()


def as_bytes(random: Random, frame: pd.DataFrame, *, xlsx: bool = True) -> tuple[bytes, str]:
    """The table as a file, sound or damaged, and a name for it."""
    kind = random.random()
    if kind < 0.06 and xlsx:
        data, name = _xlsx(frame), "t.xlsx"
    elif kind < 0.2:
        data, name = _parquet(random, frame), "t.parquet"
    else:
        text = frame.to_csv(
            index=False,
            sep=_pick(random, [",", ",", ";", "\t"]),
            lineterminator=_pick(random, ["\n", "\r\n"]),
            decimal=_pick(random, [".", ".", ","]),
        )
        data = text.encode(_pick(random, ["utf-8", "utf-8", "utf-8-sig", "cp1252", "latin-1"]), errors="replace")
        name = "t.csv"
    return (damaged(random, data) if random.random() < 0.3 else data), name


def _xlsx(frame: pd.DataFrame) -> bytes:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    rows = [[str(c) for c in frame.columns], *frame.head(40).astype(object).itertuples(index=False, name=None)]
    for row in rows:
        sheet.append([_cell(value) for value in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _cell(value: Any) -> Any:
    if value is None or value is pd.NaT or value != value:
        return None
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, float, np.number)):
        return float(value) if np.isfinite(value) else str(value)
    text = str(value)
    return "".join(c for c in text if c.isprintable())


def _parquet(random: Random, frame: pd.DataFrame) -> bytes:
    columns = {}
    for name, values in frame.items():
        try:
            columns[str(name)] = pa.array(values, from_pandas=True)
        except (pa.ArrowException, TypeError, OverflowError):
            columns[str(name)] = pa.array(values.astype(object).map(str))
    n = len(frame)
    odd = [
        lambda: pa.array(random.integers(-(2**50), 2**50, n), pa.timestamp("s")),
        lambda: pa.array(random.integers(0, 86_400, n).astype("int32"), pa.time32("s")),
        lambda: pa.array(random.integers(-(2**40), 2**40, n), pa.duration("ns")),
        lambda: pa.array([b"x"] * n),
        lambda: pa.array([[1]] * n),
        lambda: pa.array([None] * n),
        lambda: pa.array(random.integers(-(2**31), 2**31 - 1, n).astype("int32"), pa.date32()),
        lambda: pa.array(random.integers(0, 2**40, n), pa.timestamp("us", tz="Asia/Tokyo")),
        lambda: pa.array([1] * n, pa.decimal128(38, 10)),
        lambda: pa.array(["x"] * n).dictionary_encode(),
        lambda: pa.array(random.integers(0, 2**62, n), pa.uint64()),
        lambda: pa.array(random.random(n).astype("float16")),
        lambda: pa.array(["y"] * n, pa.large_string()),
        lambda: pa.array([True] * n),
        lambda: pa.array(random.integers(0, 9, n), pa.time64("ns")),
    ]
    if random.random() < 0.5:
        columns["odd"] = _pick(random, odd)()
    out = io.BytesIO()
    pyarrow.parquet.write_table(pa.table(columns), out)
    return out.getvalue()


def damaged(random: Random, data: bytes) -> bytes:
    """Some bytes changed, cut off, doubled or put in."""
    broken = bytearray(data)
    kind = int(random.integers(4))
    place = int(random.integers(len(broken) + 1))
    if kind == 0:
        for _ in range(int(random.integers(1, 8))):
            broken[int(random.integers(len(broken)))] = int(random.integers(256))
    elif kind == 1:
        del broken[place:]
    elif kind == 2:
        broken[place:place] = _pick(
            random,
            [b'"', b"\n\n", b",,,", b"\r", b"\x00", b"\xff\xfe", b"'", b";" * 9, b"1e999", b"\n" + b"x" * 20_000],
        )
    else:
        end = min(len(broken), place + 40)
        broken[place:place] = broken[place:end]
    return bytes(broken)
