"""The only place that imports streamlit: typed state, and the parts that pages share."""
