"""The search: one candidate per group, their metric values within a window, the largest sum of objectives.

With one metric the pooled candidates, sorted by value, are swept once while a monotonic queue per group keeps the best
in the window [v, v + tolerance): every solution lies in the window that opens at its lowest value, so the best window
is the global optimum, in O(N log N) with the sort. Before the sort goes whoever cannot be in it: a candidate that, with
the best of every other group, stays below a solution already known, for which every 64th candidate is tried first. With
two metrics a branch and bound over where the window of the first one opens calls that sweep on the second: with the
first window a little too wide the sweep gives an upper bound, and when its picks fit the true window, the optimum.
"""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

EQUAL = 1e-12  # numbers closer than this, for their size, differ by rounding only
_LARGE, _STRIDE = 4096, 64  # from where on a sparse search first pays


@dataclass(frozen=True, eq=False)
class Pool:
    """Candidates of all groups together, all arrays of shape (N,) but ``values`` (metrics, N).

    ``index`` says which one each was before some were taken out.
    ``distance`` settles ties: the share of the group that a candidate decides otherwise than the baseline.
    """

    values: np.ndarray
    group: np.ndarray
    objective: np.ndarray
    distance: np.ndarray
    index: np.ndarray
    n_groups: int

    def ordered(self) -> Pool:
        """Sorted by the last metric, as the search needs it."""
        return self.where(np.argsort(self.values[-1], kind="stable"))

    def where(self, keep: np.ndarray) -> Pool:
        """Some of the candidates: a mask, or positions in a new order."""
        keep = np.flatnonzero(keep) if keep.dtype == bool else keep
        parts = {name: getattr(self, name)[keep] for name in ("group", "objective", "distance", "index")}
        return replace(self, values=np.take(self.values, keep, axis=1), **parts)

    @cached_property
    def tops(self) -> np.ndarray:
        """The largest objective of each group, shape (G,)."""
        tops = np.full(self.n_groups, -np.inf)
        np.maximum.at(tops, self.group, self.objective)
        return tops

    @cached_property
    def potential(self) -> np.ndarray:
        """Each candidate's objective with the best of every other group: no picks with it are better, shape (N,)."""
        return self.objective + (self.tops.sum() - self.tops)[self.group]

    @property
    def equal(self) -> float:
        """How close two sums of objectives are that differ by rounding only."""
        return EQUAL * max(1.0, float(np.abs(self.tops).sum()))

    @cached_property
    def sparse(self) -> Pool:
        """Every 64th candidate."""
        return self.where(np.arange(0, len(self.group), _STRIDE))

    @cached_property
    def has_all_groups(self) -> bool:
        return bool((np.bincount(self.group, minlength=self.n_groups) > 0).all())


@dataclass(frozen=True, eq=False)
class Pick:
    """The candidates chosen, one per group (G,), with their summed objective and distance, and range per metric."""

    index: np.ndarray
    total: float
    distance: float
    ranges: np.ndarray


def best(pool: Pool, tolerance: float, *, floor: float = -np.inf) -> Pick | None:
    """The best picks whose ranges are all below ``tolerance``; None when there are none.

    ``floor`` is the total of picks known to be within the tolerance.
    """
    if not pool.has_all_groups or not tolerance > 0:  # no range is below 0
        return None
    if len(pool.group) > _LARGE and (found := _search(pool.sparse, tolerance)):
        floor = max(floor, found.total)
    return _search(pool.where(pool.potential >= floor - 4 * pool.equal), tolerance)


def _search(pool: Pool, tolerance: float) -> Pick | None:
    return (_sweep if len(pool.values) == 1 else _branch)(pool.ordered(), tolerance)


def smallest_range(pool: Pool) -> float:
    """The smallest (largest of the metrics') range that picks can have; NaN when a group has no candidate."""
    if not pool.has_all_groups:
        return float("nan")
    if reaches_zero(pool):
        return 0.0
    pool = pool.ordered()
    return _narrowest(pool)[0] if len(pool.values) == 1 else _narrowest_of_two(pool)


def reaches_zero(pool: Pool) -> bool:
    """Whether the groups' first or last candidates, as a rule "nobody" and "everybody", have equal values.

    A look at 2 G candidates that saves the search for the smallest range in most tables. Groups stand in blocks.
    """
    ends = np.cumsum(np.bincount(pool.group, minlength=pool.n_groups))
    firsts = np.concatenate([[0], ends[:-1]])
    return any(np.ptp(pool.values[:, places], axis=1).max() == 0 for places in (firsts, ends - 1))


def _picked(pool: Pool, chosen: np.ndarray) -> Pick:
    ranges = np.ptp(pool.values[:, chosen], axis=1)
    return Pick(pool.index[chosen], float(pool.objective[chosen].sum()), float(pool.distance[chosen].sum()), ranges)


def _sweep(pool: Pool, tolerance: float) -> Pick | None:
    from recidiv_core.thresholds.kernels import best_window

    ends = np.cumsum(np.bincount(pool.group, minlength=pool.n_groups))
    starts = np.concatenate([np.zeros(1, ends.dtype), ends])
    chosen = best_window(pool.values[-1], pool.group, pool.objective, pool.distance, starts, tolerance, pool.equal)
    return None if chosen[0] < 0 else _picked(pool, chosen)


def _branch(pool: Pool, tolerance: float) -> Pick | None:
    """Best first: the first node taken up whose picks fit the window is the optimum."""
    order, heap, equal = itertools.count(), [], 10 * pool.equal

    def offer(part: Pool, low: float, high: float) -> None:
        """The windows of the first metric that open in [low, high]."""
        first = part.values[0]
        part = part.where((first >= low) & (first - high < tolerance))
        if part.has_all_groups and (found := _sweep(part, tolerance)) is not None:
            # To the figures that count: a sum that is less by rounding only must not hide a nearer solution.
            heapq.heappush(heap, (-round(found.total / equal), found.distance, next(order), found, part, low, high))

    offer(pool, -np.inf, np.inf)
    while heap:
        *_, found, part, low, high = heapq.heappop(heap)
        if found.ranges[0] < tolerance:
            return found
        for half in _halves(part, low, high):
            offer(part, *half)
    return None


def _halves(part: Pool, low: float, high: float) -> list[tuple[float, float]]:
    """The places in [low, high] where a window can open, in two halves; one place alone cannot be split."""
    first = part.values[0]
    starts = np.unique(first[(first >= low) & (first <= high)])
    return [(half[0], half[-1]) for half in np.array_split(starts, 2) if len(half)]


def _narrowest(pool: Pool) -> tuple[float, np.ndarray]:
    from recidiv_core.thresholds.kernels import narrowest_window

    width, chosen = narrowest_window(pool.values[-1], pool.group, pool.n_groups)
    return float(width), chosen


def _narrowest_of_two(pool: Pool) -> float:
    """As :func:`_branch`, for the smallest range: the second metric's is a lower bound, the picks' own an upper one."""
    order, heap, least = itertools.count(), [], np.inf

    def offer(part: Pool, low: float, high: float) -> None:
        nonlocal least
        first = part.values[0]
        part = part.where((first >= low) & (first - high < least))
        if part.has_all_groups:
            width, chosen = _narrowest(part)
            own = np.ptp(part.values[0][chosen])
            least = min(least, max(width, own))
            if width < least:
                heapq.heappush(heap, (width, next(order), part, low, high))

    offer(pool, -np.inf, np.inf)
    while heap:
        width, _, part, low, high = heapq.heappop(heap)
        if width >= least:
            break
        for half in _halves(part, low, high):  # one place alone comes back with what is too far from it taken out
            offer(part, *half)
    return float(least)
