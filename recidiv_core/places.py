"""Where the dashboard's scripts and the samples lie: at the top of a checkout, inside the package once it is
installed.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_INSTALLED = _PACKAGE / "shipped"  # setup.py puts them there
_TOP = _INSTALLED if _INSTALLED.exists() else _PACKAGE.parent

APP = _TOP / "app.py"
SAMPLE_DATA = _TOP / "sample_data"
