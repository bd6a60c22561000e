"""The router and nothing else."""

import streamlit as st

from recidiv_core.ui.rooms import ICON, ROOMS

st.set_page_config(page_title="Recidiv", page_icon=ICON, layout="wide")
pages = [
    st.Page(f"pages/{room.word}.py", title=room.title, icon=room.icon, url_path=room.url_path, default=room.is_first)
    for room in ROOMS
]
st.navigation(pages, position="top").run()
