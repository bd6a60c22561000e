"""Where the model fails: slices found exactly, and confirmed on rows that the search did not see."""

from recidiv_core.slices.audit import BY_HAND, FOUND, SliceAudit, audit_slices, slice_words
from recidiv_core.slices.binning import MAX_BINS, TRENDS, BinnedFrame, bin_features
from recidiv_core.slices.compare import compare_slices
from recidiv_core.slices.explore import SliceDetail, slice_detail
from recidiv_core.slices.find import SliceResult, default_support, find_slices, slice_rows
from recidiv_core.slices.losses import LOSSES, Loss, default_error, row_errors, unavailable
from recidiv_core.slices.prepare import candidates, search_cost
from recidiv_core.slices.sentences import MARKS, comparison_sentence, error_text, is_share, slice_answer, slice_notes

__all__ = [
    "BY_HAND",
    "FOUND",
    "LOSSES",
    "MARKS",
    "MAX_BINS",
    "TRENDS",
    "BinnedFrame",
    "Loss",
    "SliceAudit",
    "SliceDetail",
    "SliceResult",
    "audit_slices",
    "bin_features",
    "candidates",
    "compare_slices",
    "comparison_sentence",
    "default_error",
    "default_support",
    "error_text",
    "find_slices",
    "is_share",
    "row_errors",
    "search_cost",
    "slice_answer",
    "slice_detail",
    "slice_notes",
    "slice_rows",
    "slice_words",
    "unavailable",
]
