"""Files and roles that cannot be used: each with the words its message must hold, and words it must not."""

from __future__ import annotations

import io
import pickle
import zipfile
from dataclasses import dataclass, field

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from recidiv_core.data import Roles

SECRET = "Aurelio Quispe 1971"  # a person's cell: no message may ever hold it
GOOD = Roles("y", score="s", sensitive="g")


@dataclass(frozen=True)
class Bad:
    name: str
    data: bytes
    expect: tuple[str, ...]
    roles: Roles = GOOD
    file: str = "t.csv"
    forbid: tuple[str, ...] = field(default=(SECRET, "Traceback"))


def rows(*lines: str, header: str = "y,s,g", n: int = 0) -> bytes:
    filler = [f"{i % 2},{i / 10},{'ab'[i // 2 % 2]}" for i in range(n)]
    return "\n".join([header, *lines, *filler]).encode()


def xlsx(cells: list[list]) -> bytes:
    book = openpyxl.Workbook()
    for row in cells:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def parquet(frame: pd.DataFrame | pa.Table) -> bytes:
    out = io.BytesIO()
    table = frame if isinstance(frame, pa.Table) else pa.Table.from_pandas(frame)
    pyarrow.parquet.write_table(table, out)
    return out.getvalue()


def archive(parts: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in parts.items():
            target.writestr(name, content)
    return out.getvalue()


BOMB = archive({"xl/workbook.xml": b"<x/>", "xl/worksheets/sheet1.xml": b" " * 300_000_000})
WIDE = ",".join(f"c{i}" for i in range(10_000)).encode() + b"\n" + b",".join([b"1"] * 10_000)
FINE = rows(n=40)

CASES = [
    # what the file is
    Bad("empty", b"", ("empty file",)),
    Bad("white space only", b" \n\n\t ", ("empty file",)),
    Bad("header only", b"y,s,g\n", ("header only",)),
    Bad("PNG named .csv", b"\x89PNG\r\n\x1a\n" + bytes(50), ("PNG picture",)),
    Bad("JPEG named .csv", b"\xff\xd8\xff\xe0" + bytes(50), ("JPEG picture",)),
    Bad("PDF named .xlsx", b"%PDF-1.7 x", ("PDF document",), file="t.xlsx"),
    Bad("gzip", b"\x1f\x8b\x08" + bytes(20), ("gzip",)),
    Bad("old Excel", b"\xd0\xcf\x11\xe0" + bytes(99), (".xls",), file="t.xls"),
    Bad("pickle", pickle.dumps({"y": [SECRET]}), ("pickle", "runs code"), file="t.csv"),
    Bad("program", b"\x7fELF" + bytes(50), ("a program",)),
    Bad("UTF-16", FINE.decode().encode("utf-16"), ("UTF-16",)),
    Bad("UTF-16 without mark", FINE.decode().encode("utf-16-le"), ("NUL bytes",)),
    Bad("NUL bytes", FINE + b"\n1,0.5,a\x00", ("NUL bytes",)),
    Bad("control characters", FINE + b"\n1,0.5,a\x07", ("control characters",)),
    Bad("CSV named .parquet", FINE, ("not parquet", "ending"), file="t.parquet"),
    Bad("CSV named .xlsx", FINE, ("not xlsx", "ending"), file="t.xlsx"),
    Bad("damaged Parquet", b"PAR1" + bytes(80) + b"PAR1", ("damaged",), file="t.parquet"),
    Bad("cut Parquet", parquet(pd.DataFrame({"y": [0, 1]}))[:60], ("damaged",), file="t.parquet"),
    Bad("damaged zip", b"PK\x03\x04" + bytes(90), ("damaged archive",), file="t.xlsx"),
    Bad("zip that is no workbook", archive({"a.txt": b"x"}), ("not an Excel workbook",), file="t.xlsx"),
    Bad("zip bomb", BOMB, ("ordinary size",), file="t.xlsx"),
    Bad(
        "workbook of rubbish", archive({"xl/workbook.xml": b"<a"}), ("damaged or unsupported workbook",), file="t.xlsx"
    ),
    Bad("empty workbook", xlsx([]), ("first sheet is empty",), file="t.xlsx"),
    Bad("workbook with a header only", xlsx([["y", "s", "g"]]), ("header only",), file="t.xlsx"),
    # what its shape is
    Bad("ragged: too many", rows(f"1,0.5,a,{SECRET}", n=9), ("row 2 has 4", "3 fields")),
    Bad("ragged: too few", rows("1,0.5", n=9), ("row 2 has 2", "3 fields")),
    Bad("many ragged rows", rows("1", "1", "1", "1", "1", n=9), ("and 2 more rows",)),
    Bad("10,000 columns", WIDE, ("at most 2,000 columns", "10,000")),
    Bad("unclosed quotation mark in the header", b'y,"s,g\n1,2,3\n', ("never closed",)),
    Bad("very long cell", rows(f"1,0.5,{'x' * 20_000}", n=9), ("'g'", "10,000 characters", "20,000")),
    Bad("one column", b"y\n1\n0\n", ("'s'", "'g'", "no such column")),
    # what its columns are
    Bad("label absent", FINE, ("'outcome'", "no such column"), Roles("outcome", score="s", sensitive="g")),
    Bad("near miss is suggested", FINE, ("did you mean 's'",), Roles("y", score="ss", sensitive="g")),
    Bad("label with one value", rows(*["1,0.5,a", "1,0.7,b"] * 20), ("label 'y'", "two values", "1 different value")),
    Bad("label with three values", rows("2,0.5,a", n=40), ("label 'y'", "3 different values")),
    Bad("label all missing", rows(*[",0.5,a", ",0.6,b"] * 20), ("label 'y'", "no values at all")),
    Bad("label of texts", rows(f"{SECRET},0.5,a", n=40), ("label 'y'", "3 different values")),
    Bad("positive value never occurs", rows(*["no,0.5,a", "yes,0.6,b"] * 20), ("label 'y'", "does not")),
    Bad("score is text", rows(*["1,high,a", f"0,{SECRET},b"] * 20), ("score 's'", "40 rows that are not numbers")),
    Bad("score is partly text", rows(f"1,{SECRET},a", n=40), ("score 's'", "1 rows that are not numbers")),
    Bad("score in percent", rows(*["1,50%,a", "0,20%,b"] * 20), ("score 's'", "not numbers")),
    Bad("score infinite", rows("1,inf,a", "0,-inf,b", n=40), ("score 's'", "2 infinite")),
    Bad("score constant", rows(*["1,0.5,a", "0,0.5,b"] * 20), ("score 's'", "same value in every row")),
    Bad("score all missing", rows(*["1,,a", "0,,b"] * 20), ("score 's'", "no values at all")),
    Bad("score is a date", rows(*["1,2020-01-01,a", "0,2021-02-03,b"] * 20), ("score 's'", "not numbers")),
    Bad("group with one value", rows(*["1,0.5,a", "0,0.6,a"] * 20), ("sensitive 'g'", "1 group")),
    Bad("group all missing", rows(*["1,0.5,", "0,0.6,"] * 20), ("sensitive 'g'", "no values at all")),
    Bad(
        "a group for each person",
        rows(*[f"{i % 2},{i},{SECRET} {i}" for i in range(90)]),
        ("sensitive 'g'", "90 groups"),
    ),
    Bad(
        "weight negative",
        rows(*["1,0.5,a,-1", "0,0.6,b,2"] * 20, header="y,s,g,w"),
        ("weight 'w'", "20 rows"),
        Roles("y", score="s", sensitive="g", weight="w"),
    ),
    Bad(
        "weight zero",
        rows(*["1,0.5,a,0", "0,0.6,b,0"] * 20, header="y,s,g,w"),
        ("weight 'w'", "only zeros"),
        Roles("y", score="s", sensitive="g", weight="w"),
    ),
    Bad(
        "prediction with three values",
        rows(*["1,0,a", "0,1,b", "1,2,a"] * 9),
        ("prediction 's'", "3 different values"),
        Roles("y", prediction="s", sensitive="g"),
    ),
    Bad("no score and no prediction", FINE, ("score or prediction", "neither"), Roles("y", sensitive="g")),
    Bad("no protected attribute", FINE, ("sensitive", "none"), Roles("y", score="s")),
    Bad("label is the score", FINE, ("'y'", "two roles"), Roles("y", score="y", sensitive="g")),
    Bad("label is the attribute", FINE, ("'y'", "both label and protected"), Roles("y", score="s", sensitive="y")),
    Bad("label and score never meet", rows(*["1,,a", ",0.5,b", "0,,a", ",0.7,b"] * 9), ("rows", "none")),
    Bad("scores on one outcome only", rows(*["1,0.4,a", "1,0.5,b", "0,,a"] * 9), ("label 'y'", "one outcome only")),
    Bad(
        "numbers as text in a workbook",
        xlsx([["y", "s", "g"], *[[i % 2, SECRET if i else 0.5, "ab"[i % 2]] for i in range(30)]]),
        ("score 's'", "not numbers"),
        file="t.xlsx",
    ),
    Bad(
        "lists in Parquet",
        parquet(pa.table({"y": [0, 1], "s": [[1], [2]], "g": ["a", "b"]})),
        ("'s'", "no such column"),
        file="t.parquet",
    ),
]
