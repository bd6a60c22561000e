"""What the program needs to run, as it is installed here."""

from __future__ import annotations

import re
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]


def wanted() -> list[Requirement]:
    """The lines of requirements.txt."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return [Requirement(line.split("#")[0]) for line in lines if re.match(r"\w", line)]


def needed() -> dict[str, Distribution]:
    """By canonical name: what requirements.txt lists, what that needs, and so on."""
    found, seen = {}, set()
    waiting = [requirement for requirement in wanted() if _applies(requirement, "")]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        for extra in {"", *requirement.extras}:
            if (name, extra) not in seen:
                seen.add((name, extra))
                found[name] = distribution(name)
                waiting += needs_of(found[name], extra)
    return dict(sorted(found.items()))


def needs_of(installed: Distribution, extra: str = "") -> list[Requirement]:
    """What a distribution needs on this machine, with what ``extra`` adds; without the markers, which are dealt
    with.
    """
    needs = [need for need in map(Requirement, installed.requires or ()) if _applies(need, extra)]
    for need in needs:
        need.marker = None
    return needs


def _applies(requirement: Requirement, extra: str) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def licence_of(installed: Distribution) -> str:
    """As its metadata say it: an expression, else a line, else classifiers, else the first line of the text."""
    said = installed.metadata
    line = said.get("License", "")
    classifiers = [text.split(" :: ") for text in said.get_all("Classifier") or () if text.startswith("License :: ")]
    names = [parts[-1] for parts in classifiers if parts[-1] != "OSI Approved"]
    texts = licence_texts(installed)
    return (
        said.get("License-Expression")
        or (line if 0 < len(line) < 80 and "\n" not in line and line != "UNKNOWN" else "")
        or " OR ".join(names)
        or (texts[0].splitlines()[0] if texts else "")
    )


def licence_texts(installed: Distribution) -> list[str]:
    """The files of the distribution whose names say that they are licences or notices."""
    named = re.compile(r"(licen[cs]e|copying|copyright|notice|third.?party.?(licen|notice))", re.IGNORECASE)
    code = {".py", ".pyc", ".pyi", ".js", ".json", ".h", ".hpp"}
    paths = [file for file in installed.files or () if named.match(file.name) and file.suffix not in code]
    texts = [path.locate().read_text(encoding="utf-8", errors="replace") for path in sorted(paths)]
    return [text.strip() for text in texts if text.strip()]
