"""Write the locks: every file that the registry offers for each version, by its hash.

torch stays out: uv would lock a build for graphics cards with the packages of CUDA, and the hash of the build that is
installed here fits no other machine. What it needs beside those is locked like the rest. A lock that exists is changed
as little as possible; remove it first to have the newest of what nothing pins.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib.metadata import distribution

from supply.running import ROOT, needs_of, wanted


def _lock(name: str, requirements: list[str], *options: str) -> None:
    command = [sys.executable, "-m", "uv", "--no-config", "pip", "compile", "-", "--output-file", name]
    command += ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-annotate"]
    command += ["--custom-compile-command", "make lock", "--quiet", *options]
    subprocess.run(command, input="\n".join(requirements), text=True, check=True, cwd=ROOT)


def main() -> None:
    """Both locks; the second holds what only the tests need, and agrees with the first."""
    listed = [requirement for requirement in wanted() if requirement.name != "torch"]
    _lock("requirements.lock", [str(requirement) for requirement in [*listed, *needs_of(distribution("torch"))]])
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    _lock("requirements-test.lock", extras["test"], "--constraint", "requirements.lock")


if __name__ == "__main__":
    main()
