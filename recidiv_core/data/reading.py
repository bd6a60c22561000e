"""Bytes into a table. Everything here treats its input as hostile."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import logging
import os
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from recidiv_core import memory, workers
from recidiv_core.data.tables import LedgerEntry, Table, clean_names, shown
from recidiv_core.errors import InputError, Problem

MAX_BYTES = 500_000_000
MAX_ROWS = 5_000_000
MAX_XLSX_ROWS = 200_000  # openpyxl reads some 30,000 rows a second; a larger sheet is quicker saved as CSV
MAX_COLUMNS = 2_000
MAX_CELL = 10_000
MAX_UNPACKED = 2_000_000_000
MAX_RATIO = 100  # an honest .xlsx unpacks to 5-20 times its size
_EXCEL_ROWS = 1_048_576

_SIGNATURES = {
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"GIF8": "a GIF picture",
    b"%PDF": "a PDF document",
    b"\x1f\x8b": "a gzip archive (unpack it first)",
    b"BZh": "a bzip2 archive (unpack it first)",
    b"7z\xbc\xaf": "a 7-Zip archive (unpack it first)",
    b"\xd0\xcf\x11\xe0": "an old Excel file (.xls; save it as .xlsx or CSV)",
    b"\x80\x04": "a Python pickle (never opened: loading one runs code)",
    b"\x80\x05": "a Python pickle (never opened: loading one runs code)",
    b"\x7fELF": "a program",
    b"MZ": "a program",
    b"SQLite format 3": "an SQLite database",
    b"\xff\xfe": "text in UTF-16 (save it as UTF-8)",
    b"\xfe\xff": "text in UTF-16 (save it as UTF-8)",
}
_KINDS = {".csv": "csv", ".txt": "csv", ".tsv": "csv", ".parquet": "parquet", ".pq": "parquet", ".xlsx": "xlsx"}
_ACCEPTED = "a CSV, Parquet or XLSX table"
_CONTROL = bytes(c for c in range(32) if c not in b"\t\n\r\f")
READING = workers.Task("recidiv_core.data.reading:parse_to_arrow", seconds=120, memory=6_000_000_000)
_LOG = logging.getLogger(__name__)


def read_table(
    source: str | os.PathLike | bytes | IO[bytes] | pd.DataFrame,
    *,
    name: str | None = None,
    max_rows: int | None = None,
) -> Table:
    """Read a table of at most ``max_rows`` (MAX_ROWS) from a path, bytes, a file object or a DataFrame.

    The kind is told from the content, not from the ending; text may be UTF-8 (with or without a mark) or
    Windows/Latin-1, separated by commas, semicolons or tabs.

    Raises
    ------
    InputError
        With every problem found. No message holds a cell value.
    """
    if isinstance(source, pd.DataFrame):
        return _from_frame(source, name or "data frame")
    data, name = _bytes_of(source, name)
    return _apart(data, name, max_rows) if workers.started() else parse_table(data, name, max_rows)


def parse_table(data: bytes, name: str, max_rows: int | None = None) -> Table:
    """As :func:`read_table`, from bytes and in this process: for what is our own, and for the worker that reads the
    rest.
    """
    where = shown(name)
    if not data.strip():
        raise InputError.one(where, _ACCEPTED, "an empty file")
    kind = _kind_of(data, name)
    reader = {"csv": _read_csv, "parquet": _read_parquet, "xlsx": _read_xlsx}[kind]
    frame, notes = reader(data, where)
    return _checked(frame, notes, name, hashlib.sha256(data).hexdigest(), max_rows)


def _apart(data: bytes, name: str, max_rows: int | None) -> Table:
    """As :func:`parse_table`, in a worker: a file made to take all time or memory takes only the worker's."""
    where = shown(name)
    memory.check_room(3 * len(data), about=where)
    try:
        found = workers.run(READING, data, about=where, options={"name": name, "max_rows": max_rows})
    except workers.TooLong:
        raise InputError.one(
            where, "a table that can be read", f"one still unread after {READING.seconds:g} s"
        ) from None
    except workers.Broken as error:
        _LOG.error("reading a table: %s", error.place or "the worker ended")
        wanted = "one that ended the process that tried, or wanted too much memory"
        raise InputError.one(where, "a table that can be read", wanted) from None
    memory.check_room(2 * len(found), about=where)
    with pa.ipc.open_stream(found) as stream:
        table = stream.read_all()
    told = json.loads(table.schema.metadata[b"recidiv"])
    ledger = tuple(LedgerEntry(**entry) for entry in told["ledger"])
    return Table(table.to_pandas(), name, told["sha256"], ledger)


def parse_to_arrow(data: bytes, *, name: str, max_rows: int | None) -> bytes:
    """What the worker does: the table of :func:`parse_table` as an Arrow stream, the rest of it in the schema's
    metadata.
    """
    table = parse_table(data, name, max_rows)
    told = {"sha256": table.sha256, "ledger": [vars(entry) for entry in table.ledger]}
    made = pa.Table.from_pandas(table.frame, preserve_index=False)
    made = made.replace_schema_metadata({**(made.schema.metadata or {}), b"recidiv": json.dumps(told)})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, made.schema) as stream:
        stream.write_table(made)
    return sink.getvalue()


def _bytes_of(source: Any, name: str | None) -> tuple[bytes, str]:
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        name = name or path.name
        try:
            size = path.stat().st_size
            if size <= MAX_BYTES:
                return path.read_bytes(), name
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "a path that cannot be opened"
            raise InputError.one(shown(name), "a file that can be read", reason) from None
        data = None
    else:
        data = bytes(source) if isinstance(source, (bytes, bytearray, memoryview)) else source.read(MAX_BYTES + 1)
        name = name or os.path.basename(str(getattr(source, "name", "table")))
        if isinstance(data, str):
            data = data.encode()
        size = len(data)
    if size > MAX_BYTES:
        raise InputError.one(shown(name), f"at most {MAX_BYTES / 1e6:,.0f} MB", f"{size / 1e6:,.0f} MB")
    return data, name


def _kind_of(data: bytes, name: str) -> str:
    """csv, parquet or xlsx, from the first bytes."""
    if data.startswith(b"PAR1"):
        return "parquet"
    if data.startswith(b"PK\x03\x04"):
        return "xlsx"
    found = next((text for start, text in _SIGNATURES.items() if data.startswith(start)), None)
    if found is None and b"\x00" in data:
        found = "text with NUL bytes (another encoding, or not a text file)"
    elif found is None and data.translate(None, _CONTROL) != data:
        found = "a file with control characters (not a text file)"
    promised = _KINDS.get(Path(name).suffix.lower())
    if found is None and promised in ("parquet", "xlsx"):
        found = f"something that is not {promised}, in spite of its ending"
    if found:
        raise InputError.one(shown(name), _ACCEPTED, found)
    return "csv"


def _read_csv(data: bytes, where: str) -> tuple[pd.DataFrame, list[str]]:
    encoding, notes = _encoding_of(data)
    header = _first_record(data, encoding, where)
    delimiter = max(",;\t", key=lambda mark: _outside_quotes(header, mark))
    names = next(csv.reader([header], delimiter=delimiter), [])
    if len(names) > MAX_COLUMNS:
        raise InputError.one(where, f"at most {MAX_COLUMNS:,} columns", f"{len(names):,}")
    table = _parse_csv(data, encoding, delimiter, where)
    frame = table.rename_columns([str(i) for i in range(table.num_columns)]).to_pandas(date_as_object=False)
    frame.columns = table.column_names
    if delimiter == ";":
        notes += _decimal_commas(frame)
    return frame, notes


def _encoding_of(data: bytes) -> tuple[str, list[str]]:
    try:
        data.decode("utf-8")
        return "utf-8", []
    except UnicodeDecodeError:
        return "cp1252", ["the text is not UTF-8; it was read as Windows-1252 (Latin-1): check accented letters"]


def _first_record(data: bytes, encoding: str, where: str) -> str:
    """The header as text: up to the first line end outside quotes."""
    head = data[:4_000_000].decode(encoding, errors="replace").lstrip("\ufeff\r\n")
    quoted = False
    for position, character in enumerate(head):
        if character == '"':
            quoted = not quoted
        elif character in "\r\n" and not quoted:
            return head[:position]
    if quoted:
        raise InputError.one(where, "a header row", "a quotation mark that is never closed")
    return head


def _outside_quotes(line: str, mark: str) -> int:
    return sum(part.count(mark) for part in line.split('"')[::2])


def _parse_csv(data: bytes, encoding: str, delimiter: str, where: str) -> pa.Table:
    ragged: list[tuple[int | None, int, int]] = []

    def note(row: Any) -> str:
        ragged.append((row.number, row.actual_columns, row.expected_columns))
        return "skip"

    def parse(use_threads: bool) -> pa.Table:
        ragged.clear()
        return pyarrow.csv.read_csv(
            io.BytesIO(data),
            # One block: a column's type is then inferred from all of its rows, not from its first megabyte.
            read_options=pyarrow.csv.ReadOptions(encoding=encoding, block_size=len(data) + 1, use_threads=use_threads),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, invalid_row_handler=note
            ),
            convert_options=pyarrow.csv.ConvertOptions(strings_can_be_null=True, quoted_strings_can_be_null=True),
        )

    try:
        table = parse(use_threads=True)
        if ragged:
            parse(use_threads=False)  # only then are the rows numbered
    except (pa.ArrowInvalid, pa.ArrowKeyError, UnicodeDecodeError):
        # Arrow's own message quotes the offending cell.
        found = "rows that do not parse (an unclosed quotation mark?)"
        raise InputError.one(where, "a table with one header row", found) from None
    if ragged:
        rows = ", ".join(f"row {number} has {actual}" for number, actual, _ in ragged[:3])
        more = f" and {len(ragged) - 3:,} more rows" if len(ragged) > 3 else ""
        raise InputError.one(where, f"{ragged[0][2]} fields in every row, as in the header", f"{rows}{more}")
    return table


def _decimal_commas(frame: pd.DataFrame) -> list[str]:
    """Turn text columns that are numbers with a decimal comma into numbers, in place."""
    notes = []
    for position in range(frame.shape[1]):
        column = frame.iloc[:, position]
        text = column.dropna()
        if not pd.api.types.is_string_dtype(column) or text.empty:
            continue
        if text.str.fullmatch(r"\s*-?\d+(,\d+)?\s*").all():
            numbers = pd.to_numeric(column.str.replace(",", ".", regex=False), errors="coerce")
            frame.isetitem(position, numbers)
            notes.append(f"{shown(frame.columns[position])} was read with a decimal comma")
    return notes


def _read_parquet(data: bytes, where: str) -> tuple[pd.DataFrame, list[str]]:
    try:
        file = pyarrow.parquet.ParquetFile(io.BytesIO(data))
        meta = file.metadata
        unpacked = sum(meta.row_group(i).total_byte_size for i in range(meta.num_row_groups))
        _refuse_size(where, meta.num_rows, len(file.schema_arrow), unpacked, MAX_ROWS)
        fields = list(file.schema_arrow)
        usable = [i for i, field in enumerate(fields) if not _opaque(field.type)]
        dropped = [f.name for i, f in enumerate(fields) if i not in set(usable)]
        table = _unfolded(data, where, fields, usable)
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError):
        raise InputError.one(where, "a Parquet table", "a damaged or unsupported Parquet file") from None
    names = table.column_names
    try:
        table = pa.table([_held_by_pandas(c) for c in table.columns], names=[str(i) for i in range(len(names))])
        frame = table.to_pandas(date_as_object=False, ignore_metadata=True)
    except (pa.ArrowException, ValueError, OverflowError):  # Arrow's own message quotes the value
        raise InputError.one(where, "numbers and times of ordinary size", "some that lie beyond") from None
    frame.columns = names
    return frame, [f"{shown(name)} holds lists, records or bytes and was left out" for name in dropped]


def _unfolded(data: bytes, where: str, fields: list[pa.Field], usable: list[int]) -> pa.Table:
    """The usable columns.

    Texts are read as the file may hold them, each once with the rows pointing at it: what they unfold to, which the
    file does not say, is known before they do.
    """
    texts = [f.name for f in fields if pa.types.is_string(f.type) or pa.types.is_large_string(f.type)]
    names = [field.name for field in fields]
    file = pyarrow.parquet.ParquetFile(io.BytesIO(data), read_dictionary=texts)
    if len(set(names)) == len(names):
        table = file.read(columns=[names[i] for i in usable])
    else:  # told later, with their names
        table = file.read().select(usable)
    folded = [i for i, column in enumerate(table.columns) if pa.types.is_dictionary(column.type)]
    size = sum(
        pc.sum(pc.take(pc.binary_length(chunk.dictionary), chunk.indices)).as_py() or 0
        for i in folded
        for chunk in table.column(i).chunks
        if pa.types.is_string(chunk.type.value_type) or pa.types.is_large_string(chunk.type.value_type)
    )
    _refuse_size(where, table.num_rows, table.num_columns, size, MAX_ROWS)
    for i in folded:
        column = table.column(i)
        table = table.set_column(i, table.field(i).name, column.cast(column.type.value_type))
    return table


def _held_by_pandas(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Kinds that pandas has none for as their nearest: decimals as numbers, times of the day as text."""
    if pa.types.is_decimal(column.type):
        return column.cast(pa.float64())
    return column.cast(pa.string()) if pa.types.is_time(column.type) else column


def _opaque(kind: pa.DataType) -> bool:
    return pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


def _refuse_size(where: str, n_rows: int, n_columns: int, unpacked: int, max_rows: int) -> None:
    problems = []
    if n_rows > max_rows:
        problems.append(Problem(where, f"at most {max_rows:,} rows", f"{n_rows:,}"))
    if n_columns > MAX_COLUMNS:
        problems.append(Problem(where, f"at most {MAX_COLUMNS:,} columns", f"{n_columns:,}"))
    if unpacked > MAX_UNPACKED:
        problems.append(Problem(where, f"at most {MAX_UNPACKED / 1e9:g} GB unpacked", f"{unpacked / 1e9:,.1f} GB"))
    if problems:
        raise InputError(problems)


def _read_xlsx(data: bytes, where: str) -> tuple[pd.DataFrame, list[str]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
            unpacked = sum(part.file_size for part in parts)
            names = {part.filename for part in parts}
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise InputError.one(where, _ACCEPTED, "a damaged archive") from None
    if "xl/workbook.xml" not in names:
        raise InputError.one(where, _ACCEPTED, "a zip archive that is not an Excel workbook")
    if unpacked > MAX_UNPACKED or unpacked > max(MAX_RATIO * len(data), 10_000_000) or len(parts) > 10_000:
        found = f"one that unpacks to {unpacked / 1e6:,.0f} MB in {len(parts):,} parts"
        raise InputError.one(where, "an archive of ordinary size", found)
    try:
        rows, sheets = _sheet_rows(data, where)
    except InputError:
        raise
    except Exception:  # openpyxl raises nearly anything on a damaged workbook; none of it may reach a person
        raise InputError.one(where, "an Excel workbook", "a damaged or unsupported workbook") from None
    if not rows:
        raise InputError.one(where, _ACCEPTED, "a workbook whose first sheet is empty")
    width = max(map(len, rows))
    padded = [tuple(row) + (None,) * (width - len(row)) for row in rows]
    frame = pd.DataFrame(padded[1:], columns=pd.Index(padded[0], dtype=object))
    notes = [f"only the first of {sheets} sheets was read"] if sheets > 1 else []
    return frame, notes


def _sheet_rows(data: bytes, where: str) -> tuple[list[tuple], int]:
    book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
    sheet = book.worksheets[0]
    sheet.reset_dimensions()  # the declared size is the file's word, and may be a lie
    rows: list[tuple] = []
    for number, row in enumerate(sheet.iter_rows(values_only=True)):  # rows that the file leaves out come too, empty
        if number >= _EXCEL_ROWS:
            raise InputError.one(where, f"rows numbered up to {_EXCEL_ROWS:,}", "one numbered beyond")
        if any(value is not None for value in row):
            rows.append(row)
        _refuse_size(where, len(rows) - 1, len(row), 0, MAX_XLSX_ROWS)
    return rows, len(book.worksheets)


def _from_frame(source: pd.DataFrame, name: str) -> Table:
    digest = hashlib.sha256(repr([(str(c), str(t)) for c, t in source.dtypes.items()]).encode())
    try:
        digest.update(pd.util.hash_pandas_object(source, index=False).to_numpy().tobytes())
    except TypeError:
        raise InputError.one(shown(name), "numbers, text and dates", "cells that hold lists or objects") from None
    return _checked(source.reset_index(drop=True), [], name, digest.hexdigest())


def _checked(frame: pd.DataFrame, notes: list[str], name: str, sha256: str, max_rows: int | None = None) -> Table:
    """Clean the names, settle the types, check the limits."""
    where = shown(name)
    if len(frame) == 0:
        raise InputError.one(where, "a header and at least one row", "a header only")
    _refuse_size(where, len(frame), frame.shape[1], 0, MAX_ROWS if max_rows is None else max_rows)
    raw = list(frame.columns)
    names, name_notes = clean_names(raw)
    frame = frame.set_axis(names, axis=1)
    notes = [*notes, *name_notes, *_identical_repeats(frame, raw)]
    problems = []
    for column in names:
        if not isinstance(frame[column].dtype, np.dtype) or frame[column].dtype != object:
            continue
        frame[column], note = _settled(frame[column])
        notes += [note] if note else []
    for column in names:
        longest = _longest_text(frame[column])
        if longest > MAX_CELL:
            problems.append(Problem(shown(column), f"texts of at most {MAX_CELL:,} characters", f"one of {longest:,}"))
    if problems:
        raise InputError(problems)
    table = Table(frame, name, sha256).noted("read", f"{len(frame):,} rows, {frame.shape[1]:,} columns")
    for note in notes:
        table = table.noted("noticed", note)
    return table


def _identical_repeats(frame: pd.DataFrame, raw: list[object]) -> list[str]:
    first: dict[object, str] = {}
    notes = []
    for original, column in zip(raw, frame.columns, strict=True):
        if original in first and frame[first[original]].equals(frame[column]):
            notes.append(f"{shown(column)} holds the same values as {shown(first[original])}")
        first.setdefault(original, column)
    return notes


def _settled(column: pd.Series) -> tuple[pd.Series, str | None]:
    """An object column as booleans, numbers, dates or text; mixed types become text, and are noted."""
    inferred = pd.api.types.infer_dtype(column, skipna=True)
    if inferred == "boolean":
        return column.astype("boolean"), None
    if inferred in ("integer", "floating", "mixed-integer-float", "decimal"):
        return pd.to_numeric(column, errors="coerce"), None
    if inferred in ("datetime", "date", "datetime64"):
        return pd.to_datetime(column, errors="coerce"), None
    text = column.where(column.isna(), column.map(str)).astype("str")
    mixed = inferred.startswith("mixed")
    return text, f"{shown(column.name)} mixes types (numbers and text); it is read as text" if mixed else None


def _longest_text(column: pd.Series) -> int:
    if not pd.api.types.is_string_dtype(column.dtype):
        return 0
    longest = pc.max(pc.utf8_length(pa.array(column, from_pandas=True))).as_py()
    return longest or 0
