"""What a page says when something went wrong that nobody foresaw, and what is written down of it."""

from __future__ import annotations

import logging
import secrets

import streamlit as st

from recidiv_core.ui.parts import link
from recidiv_core.ui.state import start_again
from recidiv_core.workers import place_of

_LOG = logging.getLogger(__name__)


def calm(error: Exception) -> bool:
    """Turn any fault of a page, a part of it or a press into one box; the session goes on, and so do all other pages.

    Its number stands in the log with its place and type, and nothing of what it says: that could hold a cell value.
    Streamlit calls this for every error that a script lets through (``st.App(on_script_error=…)``); True: it shows
    nothing itself.
    """
    number = secrets.token_hex(4)
    _LOG.error("fault %s: %s", number, place_of(error))
    # The box stands where the page broke off, which may be far down.
    st.toast(f"A part of this page could not be worked out (fault {number}).", icon=":material/error:")
    with st.container(border=True):
        st.markdown(
            "**This part could not be worked out.** The fault is the program's, not yours, and what you loaded is "
            f"still there. Whoever runs this server finds it in the log as fault {number}."
        )
        link("data", "**Back to the data**", icon=":material/database:")
        st.button(
            "Start again with the sample", key=f"fault {number}", icon=":material/restart_alt:", on_click=start_again
        )
    return True
