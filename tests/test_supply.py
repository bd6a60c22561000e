"""What comes from others: the locks hold every file by its hash, and notices and bill name what is installed."""

from __future__ import annotations

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from supply.notices import FILE as NOTICES
from supply.running import licence_of, needed, wanted
from supply.sbom import bill
from tests.conftest import ROOT

LOCKS = ("requirements.lock", "requirements-test.lock")


def locked(name: str) -> list[tuple[Requirement, int]]:
    """Each version that a lock names, and how many hashes it allows."""
    entries = re.split(r"\n(?=\S)", (ROOT / name).read_text(encoding="utf-8"))
    entries = [entry.replace("\\", "").split("--hash=sha256:") for entry in entries if not entry.startswith("#")]
    return [(Requirement(pin.strip()), len(hashes)) for pin, *hashes in entries]


def versions(name: str) -> set[tuple[str, str]]:
    """Names and versions of a lock; two versions of one name are for two versions of Python."""
    return {(pin.name, str(pin.specifier).removeprefix("==")) for pin, _ in locked(name)}


def running() -> dict[str, str]:
    """Versions of what is installed for running, without the mark of a CPU build; packages of CUDA are torch's own
    affair.
    """
    known = {name for name, _ in versions("requirements.lock")} | {"torch"}
    return {name: Version(found.version).public for name, found in needed().items() if name in known}


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_holds_files_and_no_place_to_get_them(name):
    assert all(hashes for _, hashes in locked(name))
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in text and not re.search(r"^(-|/|\.)| @ ", text, re.MULTILINE)
    assert not [n for n, _ in versions(name) if re.match(r"torch|triton|nvidia|cuda", n)]


def test_the_locks_are_in_step_with_what_is_written_by_hand():
    tests = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    hand = {
        "requirements.lock": [pin for pin in wanted() if pin.name != "torch"],
        "requirements-test.lock": [Requirement(line) for line in tests["test"]],
    }
    for name, pins in hand.items():
        assert {(canonicalize_name(p.name), str(p.specifier).removeprefix("==")) for p in pins} <= versions(name)
    shared = {name for name, _ in versions(LOCKS[0])} & {name for name, _ in versions(LOCKS[1])}
    assert {pin for pin in versions(LOCKS[1]) if pin[0] in shared} <= versions(LOCKS[0])


def test_what_runs_is_what_is_locked():
    (torch,) = (str(pin.specifier).removeprefix("==") for pin in wanted() if pin.name == "torch")
    here = running()
    assert set(here.items()) <= versions("requirements.lock") | {("torch", torch)}
    for_this_machine = {pin.name for pin, _ in locked("requirements.lock") if not pin.marker or pin.marker.evaluate()}
    assert set(here) == for_this_machine | {"torch"}


def test_the_notices_name_what_is_installed_each_with_its_licence():
    rows = re.findall(r"^\| ([^|`]+) \| (\d[^|]*) \| ([^|]+) \| ([^|]+) \|$", NOTICES.read_text(encoding="utf-8"), re.M)
    listed = {name: (version, licence) for name, version, licence, _ in rows}
    forked = {pin.name for pin, _ in locked("requirements.lock") if pin.marker}  # not on every machine, or not the same
    versions_here, installed = running(), needed()
    assert set(listed) - set(versions_here) <= forked and set(versions_here) <= set(listed)
    for name, version in versions_here.items():
        assert name in forked or listed[name][0] == version
        assert listed[name][1] == licence_of(installed[name]) != ""


def test_every_licence_text_that_the_notices_cite_is_in_them_and_ours_are_named():
    text = NOTICES.read_text(encoding="utf-8")
    cited = re.findall(r"^\| [^|]+ \| \d[^|]* \| [^|]+ \| ([\d, ]+) \|$", text, re.M)
    numbers = {number for row in cited for number in row.split(", ")}
    assert numbers == set(re.findall(r"^### (\d+)$", text, re.M)) and len(numbers) > 100
    ours = [*ROOT.glob("recidiv_core/**/LICENSE-*"), *ROOT.glob("sample_data/LICENSE-*")]
    assert len(ours) == 3 and all(f"`{path.relative_to(ROOT).as_posix()}`" in text for path in ours)
    assert NOTICES.stat().st_size < 1_500_000


def test_the_bill_of_materials_is_whole():
    content = bill()
    assert {c["name"]: Version(c["version"]).public for c in content["components"]}.items() >= running().items()
    references = {c["bom-ref"] for c in [*content["components"], content["metadata"]["component"]]}
    needs = {entry["ref"]: set(entry["dependsOn"]) for entry in content["dependencies"]}
    assert needs.keys() == references and set().union(*needs.values()) <= references
    reached, waiting = set(), [content["metadata"]["component"]["bom-ref"]]
    while waiting:
        reached |= (new := needs[waiting.pop()] - reached)
        waiting += new
    assert reached == references - {content["metadata"]["component"]["bom-ref"]}
