import contextlib
import io
import os

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recidiv_core import InputError, Roles, load_dataset
from recidiv_core.data import reading, suggest_roles
from recidiv_core.data.reading import read_table
from tests.data.bad_files import CASES, FINE, GOOD, parquet, rows, xlsx


@pytest.mark.parametrize("bad", CASES, ids=lambda bad: bad.name)
def test_bad_files_say_what_is_wrong(bad):
    with pytest.raises(InputError) as caught:
        load_dataset(bad.data, roles=bad.roles, name=bad.file)
    message = str(caught.value)
    for words in bad.expect:
        assert words in message
    for words in bad.forbid:
        assert words not in message


def test_there_are_forty_kinds():
    assert len({bad.name for bad in CASES}) >= 40


def test_every_problem_at_once():
    data = rows(*["1,high,a", "2,low,a", "3,,a"] * 9)
    with pytest.raises(InputError) as caught:
        load_dataset(data, roles=GOOD)
    assert {p.where for p in caught.value.problems} == {"label 'y'", "score 's'", "sensitive 'g'"}


@settings(max_examples=150)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data):
    try:
        table = read_table(data, name="t.csv")
        suggest_roles(table)
    except InputError:
        pass


@settings(max_examples=150)
@given(st.text(alphabet='ab,;"\n\r\t 1.=-é漢', max_size=120), st.sampled_from(["utf-8", "utf-8-sig", "cp1252"]))
def test_any_text_is_loaded_or_refused(text, encoding):
    data = ("y,s,g\n" + text).encode(encoding, errors="ignore")
    with contextlib.suppress(InputError):
        load_dataset(data, roles=GOOD)


@settings(max_examples=60)
@given(st.integers(0, 2_000), st.integers(0, 255))
def test_a_damaged_workbook_or_parquet_is_refused_or_read(position, byte):
    for data, name in ((XLSX, "t.xlsx"), (PARQUET, "t.parquet")):
        broken = bytearray(data)
        broken[position % len(data)] = byte
        with contextlib.suppress(InputError):
            read_table(bytes(broken), name=name)


FRAME = pd.DataFrame({"y": [0, 1] * 20, "s": np.arange(40) / 40, "g": list("aabb") * 10})
XLSX = xlsx([list(FRAME), *FRAME.to_numpy().tolist()])
PARQUET = parquet(FRAME)


@pytest.mark.parametrize(
    "data",
    [
        FRAME.to_csv(index=False).encode(),
        FRAME.to_csv(index=False, sep=";").encode(),
        FRAME.to_csv(index=False, sep="\t").encode(),
        FRAME.to_csv(index=False).encode("utf-8-sig"),
        FRAME.to_csv(index=False, lineterminator="\r\n").encode(),
        FRAME.to_csv(index=False, lineterminator="\r").encode(),
        FRAME.to_csv(index=False).replace("\n", "\r\n", 7).encode(),  # mixed line ends
        FRAME.to_csv(index=False, sep=";", decimal=",").encode(),
        FRAME.to_csv(index=False, quoting=1).encode(),
        XLSX,
        PARQUET,
        FRAME,
    ],
    ids=[
        "comma",
        "semicolon",
        "tab",
        "mark",
        "crlf",
        "cr",
        "mixed ends",
        "decimal comma",
        "quoted",
        "xlsx",
        "parquet",
        "frame",
    ],
)
def test_every_spelling_of_a_table_is_the_same_table(data):
    dataset = load_dataset(data, roles=GOOD)
    assert dataset.y_true.tolist() == (FRAME["y"] == 1).tolist()
    assert dataset.y_score == pytest.approx(FRAME["s"].to_numpy())
    group = dataset.attributes["g"]
    assert [group.levels[c] for c in group.codes] == FRAME["g"].tolist()


def test_paths_file_objects_and_latin_1(tmp_path):
    path = tmp_path / "tabla.csv"
    path.write_bytes(b"y,s,g\n" + "1,0.5,Nariño\n0,0.2,Bogotá\n".encode("latin-1") * 20)
    dataset = load_dataset(path, roles=GOOD)
    assert dataset.attributes["g"].levels == ("Bogotá", "Nariño")
    assert any("not UTF-8" in entry.detail for entry in dataset.ledger)
    with path.open("rb") as file:
        assert load_dataset(file, roles=GOOD).digest == dataset.digest
    with pytest.raises(InputError, match="No such file"):
        load_dataset(tmp_path / "absent.csv", roles=GOOD)
    with pytest.raises(InputError, match="file that can be read"):
        load_dataset(str(tmp_path), roles=GOOD)


def test_limits(monkeypatch, tmp_path):
    monkeypatch.setattr(reading, "MAX_BYTES", 100)
    path = tmp_path / "large.csv"
    path.write_bytes(FINE)
    for source in (path, FINE, io.BytesIO(FINE)):
        with pytest.raises(InputError, match="at most 0 MB"):
            read_table(source)
    monkeypatch.setattr(reading, "MAX_BYTES", 10_000)
    monkeypatch.setattr(reading, "MAX_ROWS", 10)
    for data in (FINE, PARQUET):
        with pytest.raises(InputError, match="at most 10 rows"):
            read_table(data)
    monkeypatch.setattr(reading, "MAX_XLSX_ROWS", 10)
    with pytest.raises(InputError, match="at most 10 rows"):
        read_table(XLSX)


def test_names_are_made_unique_printable_and_reported():
    table = read_table("a,a,a (2),,b\u202ec,  d \n1,1,3,4,5,6\n".encode())
    assert list(table.frame) == ["a", "a (3)", "a (2)", "column 4", "bc", "d"]
    details = " ".join(entry.detail for entry in table.ledger)
    assert (
        "occurs more than once" in details and "holds the same values as 'a'" in details and "not printable" in details
    )


def test_types_are_settled():
    table = read_table(
        xlsx([["mix", "when", "flag", "n"], ["x", pd.Timestamp("2020-01-01"), True, 1], [3, None, None, 2.5]])
    )
    kinds = {name: str(kind) for name, kind in table.frame.dtypes.items()}
    assert kinds["n"] == "float64" and kinds["flag"] == "boolean" and kinds["when"].startswith("datetime64")
    assert any("'mix' mixes types" in entry.detail for entry in table.ledger)


@pytest.mark.parametrize(
    ("values", "positive"),
    [
        ([0, 1], 1),
        ([0.0, 1.0], 1),
        ([False, True], 1),
        (["0", "1"], 1),
        (["no", "yes"], "yes"),
        ([1, 2], 2),
        (["true", "false"], True),
    ],
)
def test_labels_in_any_spelling(values, positive):
    frame = pd.DataFrame({"y": values * 20, "s": np.arange(40), "g": list("ab") * 20})
    dataset = load_dataset(frame, roles=Roles("y", score="s", sensitive="g", positive_label=positive))
    assert 0 < dataset.y_true.sum() == 20


def test_rows_without_label_or_score_are_counted():
    data = rows(",0.5,a", "1,,b", "0,0.1,", n=40)
    dataset = load_dataset(data, roles=GOOD)
    ledger = dataset.ledger_table()
    excluded = ledger[ledger["step"] == "excluded"]
    assert excluded["n_rows"].tolist() == [1, 1] and excluded["n_left"].tolist() == [42, 41]
    assert ledger.loc[ledger["step"] == "kept", "n_rows"].tolist() == [1]
    assert len(dataset) == 41 and dataset.attributes["g"].levels == ("a", "b", "(missing)")


def test_a_copy_of_the_label_is_pointed_out():
    dataset = load_dataset(rows(*["1,0.9,a", "0,0.1,b", "1,0.8,b", "0,0.2,a"] * 9), roles=GOOD)
    assert any("copy of the label" in entry.detail for entry in dataset.ledger)


def test_digest_tells_data_and_roles_apart():
    a = load_dataset(FRAME, roles=GOOD)
    changed = FRAME.copy()
    changed.loc[37, "s"] += 1e-9
    digests = {
        a.digest,
        load_dataset(changed, roles=GOOD).digest,
        load_dataset(FRAME, roles=Roles("y", score="s", sensitive="g", polarity="assistive")).digest,
    }
    assert len(digests) == 3
    assert load_dataset(FRAME.copy(), roles=GOOD).digest == a.digest


def test_roles_are_needed_and_guessed_only_in_the_message():
    with pytest.raises(InputError, match="a guess from the names"):
        load_dataset(pd.DataFrame({"label": [0, 1], "score": [0.1, 0.9], "sex": ["f", "m"]}))
    with pytest.raises(InputError, match="polarity"):
        Roles("y", score="s", sensitive="g", polarity="harmful")


def test_the_environment_is_not_read(tmp_path, monkeypatch):
    """A name that looks like a path, a URL or a variable is only ever opened as a file."""
    monkeypatch.setitem(os.environ, "RECIDIV_SECRET", "x")
    for name in ("http://127.0.0.1:1/x.csv", "$RECIDIV_SECRET", "\x00", "sample:../../etc/passwd"):
        with pytest.raises(InputError):
            load_dataset(name, roles=GOOD)
