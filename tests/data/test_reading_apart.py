"""Tables read in a worker: the same table, the same words, and no file that keeps anybody waiting for ever."""

import re
import time

import numpy as np
import pandas as pd
import pytest

from recidiv_core import InputError, load_dataset, workers
from recidiv_core.data import reading
from recidiv_core.data.reading import parse_table, read_table
from recidiv_core.workers import Pool, Task
from recidiv_core.workers import pool as pool_module
from tests.data.bad_files import CASES, archive, parquet, xlsx
from tests.hostile import as_bytes, shaped


@pytest.fixture(scope="module")
def warm():
    made = Pool(load=["recidiv_core.data.reading", "tests.workers.tasks"])
    yield made
    made.close()


@pytest.fixture
def apart(warm, monkeypatch):
    monkeypatch.setattr(pool_module, "_workers", warm)
    assert workers.started()


TYPED = pd.DataFrame(
    {
        "text": ["a", None, ""],
        "whole": [1, 2, 3],
        "number": [0.1, np.nan, -0.0],
        "yes": pd.array([True, None, False], dtype="boolean"),
        "day": pd.to_datetime(["2000-02-03", None, "1999-12-31"]),
        "zone": pd.to_datetime(["2000-02-03 04:05:06.789"] * 3).tz_localize("Asia/Tokyo"),
        "long": [2**53 + 1, -(2**62), 0],
        "span": pd.to_timedelta([1, 2, 3], unit="h"),
        "level": pd.Categorical(["b", "a", "b"], categories=["b", "a"], ordered=True),
    }
)


def test_the_same_table_comes_back_to_the_last_type(apart):
    files = [as_bytes(np.random.default_rng(seed), shaped(np.random.default_rng(seed))[0]) for seed in range(40)]
    files += [
        (parquet(TYPED), "t.parquet"),
        (TYPED.to_csv(index=False).encode(), "t.csv"),
        (xlsx([["a", "b"], [1, "x"], [None, "y"]]), "t.xlsx"),
    ]
    n_read = 0
    for data, name in files:
        try:
            own = parse_table(data, name)
        except InputError as error:
            with pytest.raises(InputError) as caught:
                read_table(data, name=name)
            assert caught.value.problems == error.problems
            continue
        found = read_table(data, name=name)
        pd.testing.assert_frame_equal(found.frame, own.frame, check_exact=True)
        assert (found.name, found.sha256, found.ledger, found.steps) == (own.name, own.sha256, own.ledger, own.steps)
        n_read += 1
    assert n_read > 25


@pytest.mark.parametrize("bad", CASES[:24], ids=lambda bad: bad.name)
def test_bad_files_say_the_same(apart, bad):
    with pytest.raises(InputError) as caught:
        load_dataset(bad.data, roles=bad.roles, name=bad.file)
    assert all(words in str(caught.value) for words in bad.expect)


def far_row(number: int) -> bytes:
    """A workbook of some kilobytes whose last row has a number of its own."""
    parts = _parts(xlsx([["y", "s"], [1, 0.5], [0, 0.4]]))
    sheet = parts["xl/worksheets/sheet1.xml"].decode()
    last = f'<row r="{number}"><c r="A{number}"><v>1</v></c></row></sheetData>'
    parts["xl/worksheets/sheet1.xml"] = sheet.replace("</sheetData>", last).encode()
    return archive(parts)


def _parts(data: bytes) -> dict[str, bytes]:
    import io
    import zipfile

    with zipfile.ZipFile(io.BytesIO(data)) as book:
        return {name: book.read(name) for name in book.namelist()}


@pytest.mark.parametrize("number", [10**15, 10**9, 1_048_577])
def test_a_row_beyond_all_rows_is_refused_at_once(number):
    start = time.monotonic()
    with pytest.raises(InputError, match="rows numbered up to 1,048,576"):
        read_table(far_row(number), name="t.xlsx")
    assert time.monotonic() - start < 20


def test_a_row_far_down_but_possible_is_read():
    assert len(read_table(far_row(50_000), name="t.xlsx").frame) == 3


@pytest.mark.parametrize(
    ("task", "seconds", "told"),
    [("spin", 1, "one still unread after 1 s"), ("fail", 20, "ended the process"), ("grow", 20, "fits into memory")],
)
def test_the_death_of_the_worker_is_one_sentence(apart, monkeypatch, caplog, task, seconds, told):
    """Whatever it dies of; and the next table is read."""
    real = reading.READING
    monkeypatch.setattr(reading, "READING", Task(f"tests.workers.tasks:{task}_table", seconds, 1_000_000_000))
    with pytest.raises(InputError, match=told) as caught:
        read_table(b"a,b\n1,Aurelio", name="t.csv")
    assert len(caught.value.problems) == 1 and not re.search("Aurelio", str(caught.value) + caplog.text)
    monkeypatch.setattr(reading, "READING", real)
    assert len(read_table(b"a,b\n1,2", name="t.csv").frame) == 1
