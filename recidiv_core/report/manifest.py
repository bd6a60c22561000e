"""What it takes to run the same audit again."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from recidiv_core.plain import plain
from recidiv_core.version import __version__

_PACKAGES = ("numpy", "pandas", "scipy", "pyarrow", "altair", "typst", "vl-convert-python")


def manifest(results: Sequence[Any]) -> dict[str, Any]:
    """sha256 of the data, roles, options and seed of each result, and the versions that computed it. Strict JSON."""
    return {
        "program": {"name": "recidiv", "version": __version__},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in _PACKAGES},
        "results": [
            {
                "room": result.room,
                "dataset": plain(result.dataset),
                "roles": plain(result.roles.to_dict()),
                "options": plain(result.options),
                **plain(result.decided),
            }
            for result in results
        ],
    }
