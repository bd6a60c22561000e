"""Results as Vega-Lite charts. A chart reads a result and computes nothing that a table does not show."""
