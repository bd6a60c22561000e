"""The router and nothing else."""

import os

# Threads that wait for one another by spinning cost ten times the work on a busy machine; it must be said before they
# start.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import streamlit as st

from recidiv_core.ui.rooms import ICON, ROOMS

st.set_page_config(page_title="Recidiv", page_icon=ICON, layout="wide")
pages = [  # without their icons: with them the menu would hide the last rooms at 1,280 pixels
    st.Page(room.script, title=room.title, url_path=room.url_path, default=room.is_first) for room in ROOMS
]
st.navigation(pages, position="top").run()
