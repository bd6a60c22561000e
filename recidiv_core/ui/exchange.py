"""What comes in and what goes out: the only places where a page takes a file, or offers one, and both stand on the
trail.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Callable
from typing import Any

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from recidiv_core import trail
from recidiv_core.workers import place_of

_LOG = logging.getLogger(__name__)


def who() -> str:
    """Whose token this session came with; "-" where none is needed."""
    return st.context.headers.get(trail.WHO) or "-"


def taken(file: UploadedFile) -> bytes:
    """The bytes of an uploaded file."""
    data = file.getvalue()
    trail.note("loaded", who=who(), file=file.name, sha256=hashlib.sha256(data).hexdigest())
    return data


def download(
    label: str, content: bytes | Callable[[], bytes], file_name: str, mime: str, *, key: str, **more: Any
) -> None:
    """A button that gives ``content``; where it is a function it is called when the button is pressed."""
    asker = who()

    def give() -> bytes:
        try:
            data = content() if callable(content) else content
        except Exception as error:
            _LOG.error("fault %s: %s", secrets.token_hex(4), place_of(error))
            raise
        trail.note("exported", who=asker, file=file_name, sha256=hashlib.sha256(data).hexdigest())
        return data

    st.download_button(label, give, file_name, mime, key=key, on_click="ignore", **more)
