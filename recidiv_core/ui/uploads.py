"""A file that is read once, checked, and kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from recidiv_core.errors import InputError
from recidiv_core.ui.exchange import taken
from recidiv_core.ui.parts import problems
from recidiv_core.ui.state import Session


def uploaded(
    current: Session,
    name: str,
    *,
    label: str,
    types: Sequence[str],
    load: Callable[[bytes, str], Any],
    hint: str | None = None,
    told: str = "Reading the file …",
) -> Any:
    """What ``load`` made of the bytes and the name of a file; it stays in ``current.compared`` under ``name`` when the
    page is left, which empties the widget. A file that cannot be used is told, and takes the place of the one before.
    """
    file = st.file_uploader(label, types, key=f"upload {name}", help=hint)
    if file is not None and current.uploads.get(name) != file.file_id:
        current.uploads[name] = file.file_id
        current.failures.pop(name, None)
        current.compared.pop(name, None)
        try:
            with st.spinner(told, show_time=True):
                current.compared[name] = load(taken(file), file.name)
        except InputError as error:
            current.failures[name] = error
    if file is not None and (error := current.failures.get(name)):
        problems(error)
    return current.compared.get(name)
