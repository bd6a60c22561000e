"""Write sbom.json: the bill of materials (CycloneDX 1.6) of what is installed for running."""

from __future__ import annotations

import json
from importlib.metadata import Distribution

from packaging.utils import canonicalize_name

from recidiv_core.version import __version__
from supply.running import ROOT, licence_of, needed, needs_of, wanted

FILE = ROOT / "sbom.json"
_OURS = f"pkg:pypi/recidiv@{__version__}"


def bill() -> dict:
    """The components and who needs whom.

    Without a time or a serial number: the same installation gives the same file.
    """
    installed = needed()
    references = {name: _reference(name, found) for name, found in installed.items()}

    def among(requirements: list) -> list[str]:
        names = {canonicalize_name(requirement.name) for requirement in requirements}
        return sorted(references[name] for name in names & set(references))

    needs = {_OURS: among(wanted())}
    needs |= {references[name]: among(needs_of(found)) for name, found in installed.items()}
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": _component("recidiv", __version__, _OURS, "MIT", kind="application")},
        "components": [
            _component(name, found.version, references[name], licence_of(found)) for name, found in installed.items()
        ],
        "dependencies": [{"ref": reference, "dependsOn": others} for reference, others in needs.items()],
    }


def _reference(name: str, found: Distribution) -> str:
    return f"pkg:pypi/{name}@{found.version.replace('+', '%2B')}"


def _component(name: str, version: str, reference: str, licence: str, *, kind: str = "library") -> dict:
    return {
        "type": kind,
        "bom-ref": reference,
        "name": name,
        "version": version,
        "licenses": [{"license": {"name": licence}}],
        "purl": reference,
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(bill(), indent=1) + "\n", encoding="utf-8")
