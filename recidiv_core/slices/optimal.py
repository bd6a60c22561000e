"""OptBinning, which takes three seconds to import: so this file is imported where it is needed, and ahead of time by
a dashboard.
"""

import logging

import numpy as np

# We need no solver of cvxpy's, which complains at its import about one that ortools brings in another version.
logging.getLogger("__cvxpy__").disabled = True

from optbinning import OptimalBinning  # noqa: E402

_TIME_LIMIT_S = 10


def optimal_cuts(
    values: np.ndarray, events: np.ndarray, *, max_bins: int, min_bin_size: float, trend: str | None
) -> np.ndarray:
    """The cut-points of finite ``values`` (n,) that tell most about ``events`` (n,), 0 or 1; none when nothing does."""
    binning = OptimalBinning(
        dtype="numerical",
        max_n_bins=max_bins,
        min_prebin_size=min_bin_size,
        min_bin_size=min_bin_size,
        monotonic_trend=trend,
        time_limit=_TIME_LIMIT_S,
    )
    return binning.fit(values, events).splits
