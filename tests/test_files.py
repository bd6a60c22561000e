"""Files are written whole or not at all, and what goes out cannot run in a spreadsheet."""

import os
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

from recidiv_core import audit_groups, build_report, load_dataset, memory, trail
from recidiv_core.data import csv_bytes
from recidiv_core.errors import InputError
from recidiv_core.files import write_whole
from tests.conftest import ROOT, random_table

posix = pytest.mark.skipif(os.name != "posix", reason="limits of POSIX")


def test_a_file_is_replaced_and_keeps_its_rights(tmp_path):
    path = tmp_path / "f"
    write_whole(path, b"one")
    assert path.read_bytes() == b"one" and path.stat().st_mode & 0o777 == 0o666 & ~_umask()
    path.chmod(0o640)
    write_whole(path, b"two")
    assert path.read_bytes() == b"two" and path.stat().st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path) == ["f"]


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there" / "f")
    write_whole(tmp_path / "link", b"x")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "there" / "f").read_bytes() == b"x"


@posix
def test_on_a_full_disk_the_old_file_is_whole(tmp_path):
    """A limit on the size of files stands for the disk: the write ends in the middle in the same way."""
    path = tmp_path / "f"
    path.write_bytes(b"old")
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)); from recidiv_core.files import "
        "write_whole; write_whole(sys.argv[1], b'x' * 5000)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "File too large" in done.stderr
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["f"]


@pytest.mark.parametrize("place", ["gone/r.pdf", "folder"])
def test_a_folder_that_is_gone_or_a_name_that_is_one_is_told(tmp_path, place):
    (tmp_path / "folder").mkdir()
    audit = audit_groups(load_dataset(random_table(1), roles=_roles()), n_boot=100)
    with pytest.raises(InputError, match="a place that can be written to"):
        build_report(audit, tmp_path / place)
    assert os.listdir(tmp_path) == ["folder"] and not os.listdir(tmp_path / "folder")


def _roles():
    from recidiv_core import Roles

    return Roles("y", score="score", sensitive="group")


@posix
def test_a_writer_that_is_killed_leaves_the_old_file_or_the_new_one(tmp_path):
    """Kills at many moments of writing the same file over and over."""
    path = tmp_path / "f"
    code = (
        "import sys\nfrom recidiv_core.files import write_whole\nprint('ready', flush=True)\nwhile True:\n    for c in "
        "b'abc':\n        write_whole(sys.argv[1], bytes([c]) * 400_000)"
    )
    for i in range(6):
        writer = subprocess.Popen([sys.executable, "-c", code, str(path)], cwd=ROOT, stdout=subprocess.PIPE)
        writer.stdout.readline()
        time.sleep(0.05 + 0.013 * i)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        content = path.read_bytes()
        assert len(content) == 400_000 and len(set(content)) == 1
    assert len(os.listdir(tmp_path)) <= 2  # the name that it has for an instant before it is the file's


@pytest.mark.parametrize(
    ("cell", "is_neutral"),
    [
        ("=1+1", True),
        (" =1", True),
        ("\u00a0=1", True),
        ("\u200b=1", True),
        ("\ufeff=1", True),
        ("\u2003\u202e@x", True),
        ("\v+1", True),
        ("  \t-1", True),
        ("\tx", True),
        (" ＝1", True),
        ("x=1", False),
        (" x", False),
        ("", False),
        ("  ", False),
        ("é", False),
        ("'=1", False),
    ],
)
def test_cells_that_a_spreadsheet_would_run_are_neutral(cell, is_neutral):
    text = csv_bytes(pd.DataFrame({"a": [cell, "b"], cell or "c": [1, 2]})).decode("utf-8-sig")
    assert text.count("'") - cell.count("'") * 2 == 2 * is_neutral


def test_the_trail_takes_a_line_and_keeps_what_was_there(tmp_path, monkeypatch):
    monkeypatch.setattr(trail, "_descriptor", None)
    path = tmp_path / "trail"
    trail.note("nobody", who="-")  # without a trail nothing is written
    path.write_text("before\n")
    trail.open_trail(path)
    trail.note("loaded", who="anna", file='a"b\n.csv', sha256="0" * 64)
    before, line = path.read_text().splitlines()
    assert before == "before" and '"event": "loaded", "who": "anna", "file": "a\\"b\\n.csv"' in line
    with pytest.raises(InputError, match="--audit-log"):
        trail.open_trail(tmp_path)


def test_what_would_not_fit_is_refused_in_words(monkeypatch):
    monkeypatch.setattr(memory, "_limit", memory.resident() + 10_000_000)
    memory.check_room(1_000, about="'t.csv'")
    with pytest.raises(InputError, match="expected room for it in this server's memory"):
        memory.check_room(100_000_000, about="'t.csv'")
