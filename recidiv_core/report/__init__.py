"""One document from many results: PDF, HTML, JSON, with a manifest."""

from recidiv_core.report.build import FORMATS, build_report, render_report
from recidiv_core.report.document import Entry, protect, summary, withheld
from recidiv_core.report.manifest import manifest
from recidiv_core.report.method import METHOD, REFERENCES
from recidiv_core.report.suppression import published_metrics, suppress

__all__ = [
    "FORMATS",
    "METHOD",
    "REFERENCES",
    "Entry",
    "build_report",
    "manifest",
    "protect",
    "published_metrics",
    "render_report",
    "summary",
    "suppress",
    "withheld",
]
