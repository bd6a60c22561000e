"""One coefficient of a regression on many categories, with robust bounds, at the cost of its non-zero entries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.special import stdtr, stdtrit

_CHUNK = 20_000
_NONE_LEFT = 1e-9


class Coefficient(NamedTuple):
    """A least-squares coefficient with its HC3 standard error and the residual degrees of freedom."""

    value: float
    se: float
    degrees: int

    def bounds(self, confidence_level: float) -> tuple[float, float]:
        """Student's bounds."""
        half = float(stdtrit(self.degrees, 0.5 + confidence_level / 2)) * self.se
        return self.value - half, self.value + half

    @property
    def p_value(self) -> float:
        """Two-sided, of a coefficient of 0."""
        return float(2 * stdtr(self.degrees, -abs(self.value) / self.se)) if self.se else float("nan")


def robust_coefficient(
    y: np.ndarray, asked: Sequence[np.ndarray], categories: Sequence[np.ndarray]
) -> Coefficient | None:
    """The coefficient of ``asked[0]`` in y ~ 1 + asked + categories, with the covariance HC3 (MacKinnon and White 1985).

    Exactly statsmodels' OLS with ``cov_type="HC3"`` (the tests compare), some fifty times faster where the categories have hundreds of levels: a row has one
    entry for each column, not one for each level.

    Parameters
    ----------
    y : (n,) float
    asked : sequence of (n,) float
    categories : sequence of (n,) int
        A level for each row, −1 for the one that the others are compared with.

    Returns
    -------
    None where the other columns tell ``asked[0]``, or no degree of freedom is left.
    """  # fmt: skip
    n = len(y)
    columns = [*asked, np.ones(n)]
    X = sparse.hstack([sparse.csr_array(np.column_stack(columns)), *map(_indicators, categories)], format="csr")
    gram = (X.T @ X).toarray()
    rest = gram[1:, 1:]
    left = gram[0, 0] - gram[0, 1:] @ np.linalg.pinv(rest, hermitian=True) @ gram[1:, 0]
    if left <= _NONE_LEFT * max(gram[0, 0], 1.0):
        return None
    inverse = np.linalg.pinv(gram, hermitian=True)
    degrees = n - int(np.linalg.matrix_rank(gram, hermitian=True))
    if degrees < 1:
        return None
    fitted = inverse @ (X.T @ y)
    variance = 0.0
    for start in range(0, n, _CHUNK):
        part = X[start : start + _CHUNK]
        spread = part @ inverse
        leverage = np.asarray(part.multiply(spread).sum(axis=1)).ravel()
        residual = y[start : start + _CHUNK] - part @ fitted
        free = leverage < 1 - 1e-10  # a row alone in its level is met exactly, and says nothing of the coefficient
        variance += float(((spread[free, 0] * residual[free] / (1 - leverage[free])) ** 2).sum())
    return Coefficient(float(fitted[0]), variance**0.5, degrees)


def _indicators(codes: np.ndarray) -> sparse.csr_array:
    """One column for each level but −1."""
    rows = np.flatnonzero(codes >= 0)
    shape = (len(codes), int(codes.max(initial=-1)) + 1)
    return sparse.csr_array((np.ones(len(rows)), (rows, codes[rows])), shape=shape)
