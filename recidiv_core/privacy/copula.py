"""A Gaussian copula: each column keeps its own distribution, and one matrix of correlations says how they go
together.
"""

from __future__ import annotations

import numpy as np
from scipy.special import betaincinv, ndtr, ndtri

from recidiv_core.privacy.coding import Coding

MARGINALS = ("quantiles", "beta")
PEOPLE = 10  # whose mean is a quantile: no number of one person is given back


class GaussianCopula:
    """Fitted to ``numbers`` (n, p; NaN where missing) and ``codes`` (n, q) of a table with an outcome at ``outcome`` of
    ``codes``.

    Every column stands for a normal variable: a number by its rank, a level by the interval of that variable that its
    share takes. Levels without an order of their own are ordered by the share that has the outcome. ``marginals``:
    "quantiles" draws numbers from the distribution interpolated between the means of ten neighbours each, "beta" from
    the beta distribution with their range, mean and variance, which says less of single people and less of the truth.

    Sources: Patki, Wedge and Veeramachaneni (2016); the correlations of levels after Olsson, Drasgow and Dorans (1982),
    to the first order.
    """

    def __init__(
        self, numbers: np.ndarray, codes: np.ndarray, coding: Coding, *, outcome: int, marginals: str = "quantiles"
    ):
        self._quantiles = [_quantiles(own[~np.isnan(own)], marginals) for own in numbers.T]
        self._orders, self._edges = [], []
        scores = [_normal_scores(own) for own in numbers.T]
        for position, size in enumerate(coding.sizes):
            own = codes[:, position]
            order = np.arange(size)
            if not coding.is_ordered(position) and position != outcome:
                with_outcome = np.bincount(own, codes[:, outcome], size) / np.bincount(own, minlength=size)
                order = np.argsort(with_outcome, kind="stable")
            place = np.argsort(order)
            share = np.bincount(own, minlength=size)[order] / len(own)
            edges = ndtri(np.clip(np.cumsum(share)[:-1], 0, 1))
            self._orders.append(order)
            self._edges.append(edges)
            scores.append(_mean_between(np.r_[-np.inf, edges, np.inf], share)[place[own]])
        self._root = _root(_correlations(np.column_stack(scores)))

    def draw(self, n: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """``n`` new rows, as numbers (n, p) and codes (n, q)."""
        normal = random.standard_normal((n, len(self._root))) @ self._root.T
        p = len(self._quantiles)
        numbers = [quantile(ndtr(normal[:, i])) for i, quantile in enumerate(self._quantiles)]
        codes = [
            order[np.searchsorted(edges, normal[:, p + i])]
            for i, (order, edges) in enumerate(zip(self._orders, self._edges, strict=True))
        ]
        return np.column_stack(numbers) if numbers else np.empty((n, 0)), np.column_stack(codes)


def _normal_scores(values: np.ndarray) -> np.ndarray:
    """By rank; what is missing is in the middle."""
    from scipy.stats import rankdata

    is_known = ~np.isnan(values)
    made = np.zeros(len(values))
    made[is_known] = ndtri((rankdata(values[is_known]) - 0.5) / is_known.sum())
    return made


def _quantiles(values: np.ndarray, marginals: str):
    """The inverse of a column's distribution function."""
    low, high = values.min(), values.max()
    if marginals == "quantiles":
        parts = np.array_split(np.sort(values), max(len(values) // PEOPLE, 1))
        sizes = np.array([len(part) for part in parts])
        at = (np.cumsum(sizes) - sizes / 2) / len(values)
        means = np.array([part.mean() for part in parts])
        return lambda u: np.interp(u, at, means)
    mean, variance = (values.mean() - low) / (high - low), values.var() / (high - low) ** 2
    together = mean * (1 - mean) / variance - 1
    return lambda u: low + (high - low) * betaincinv(mean * together, (1 - mean) * together, u)


def _mean_between(edges: np.ndarray, share: np.ndarray) -> np.ndarray:
    """The mean of a standard normal variable in each interval."""
    density = np.exp(-(edges**2) / 2) / np.sqrt(2 * np.pi)
    return -np.diff(density) / share


def _correlations(scores: np.ndarray) -> np.ndarray:
    """Of the normal variables behind the scores.

    A level's score is the mean of its variable where the level is seen, so covariances of scores are those of the
    variables times the scores' own variances, exactly where one of the two is seen itself, else to the first order.
    """
    covariance = np.atleast_2d(np.cov(scores, rowvar=False, bias=True))
    variance = np.diag(covariance)
    made = np.clip(covariance / np.maximum(np.outer(variance, variance), 1e-12), -0.99, 0.99)
    np.fill_diagonal(made, 1.0)
    return made


def _root(correlations: np.ndarray) -> np.ndarray:
    """A root of the nearest matrix that is one of correlations: pairwise estimates need not be so together."""
    values, vectors = np.linalg.eigh(correlations)
    root = vectors * np.sqrt(np.maximum(values, 1e-9))
    return root / np.linalg.norm(root, axis=1, keepdims=True)
