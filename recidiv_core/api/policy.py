"""What a browser may do with our answers."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

# On every answer. The server writes them itself, so that they stand on those too that no application makes.
HEADERS = [
    ("X-Frame-Options", "DENY"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ("Content-Security-Policy", "frame-ancestors 'none'; base-uri 'self'; form-action 'self'; object-src 'none'"),
]
# What is added to that policy: both hold.
NOTHING = "default-src 'none'"
DESCRIPTION = (  # the API's description page, which writes its own script into itself and shows nothing of anybody's
    "default-src 'none'; connect-src 'self'; img-src 'self' data:; script-src 'self' 'unsafe-inline'; "
    "style-src 'self' 'unsafe-inline'"
)


def dashboard_policy(index: Path) -> str:
    """What Streamlit's scripts bear, and no more.

    Its styles are written by its scripts, hence the one "unsafe" word. ``index``
    is its page: a script that stands in it is allowed by its hash.
    """
    scripts = re.findall(r"<script>(.*?)</script>", index.read_text(encoding="utf-8"), re.DOTALL)
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in scripts)
    return (
        "default-src 'self'; connect-src 'self'; font-src 'self' data:; frame-src 'none'; img-src 'self' data: "
        f"blob:; media-src 'none'; script-src 'self' {hashes}; style-src 'self' 'unsafe-inline'; worker-src 'self' "
        "blob:"
    )
