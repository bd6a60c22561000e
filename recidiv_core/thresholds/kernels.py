"""The compiled loops of the search. Importing this file compiles them, or takes them from disk where they were kept."""

import numpy as np

from recidiv_core.stats.compiled import compiled


@compiled("int64[::1](float64[::1], int32[::1], float64[::1], float64[::1], int64[::1], float64, float64)")
def best_window(value, group, objective, distance, starts, tolerance, equal):
    """Positions of the best candidate per group, −1 when no window holds all groups.

    ``starts`` (G + 1,) is where each group's queue begins in one shared array.
    """
    n, n_groups = len(value), len(starts) - 1
    queue = np.empty(n, np.int64)
    head, tail = starts[:-1].copy(), starts[:-1].copy()
    chosen = np.full(n_groups, -1)
    best_total, best_distance, end, changed, n_empty = -np.inf, np.inf, 0, False, n_groups
    for start in range(n):
        while end < n and value[end] - value[start] < tolerance:
            g = group[end]
            n_empty -= head[g] == tail[g]
            while tail[g] > head[g]:
                last = queue[tail[g] - 1]
                if objective[last] > objective[end] or (
                    objective[last] == objective[end] and distance[last] < distance[end]
                ):
                    break
                tail[g] -= 1
            changed |= tail[g] == head[g]
            queue[tail[g]] = end
            tail[g] += 1
            end += 1
        if n_empty == 0 and changed:
            total, far = 0.0, 0.0
            for g in range(n_groups):
                total += objective[queue[head[g]]]
                far += distance[queue[head[g]]]
            if total > best_total + equal or (total >= best_total - equal and far < best_distance):
                best_total, best_distance = max(total, best_total), far
                for g in range(n_groups):
                    chosen[g] = queue[head[g]]
        changed = False
        g = group[start]
        if tail[g] > head[g] and queue[head[g]] == start:
            head[g] += 1
            changed = True
            n_empty += head[g] == tail[g]
    return chosen


@compiled("Tuple((float64, int64[::1]))(float64[::1], int32[::1], int64)")
def narrowest_window(value, group, n_groups):
    """The smallest range of the last metric over one candidate per group, and the positions that reach it."""
    last, chosen = np.full(n_groups, -1), np.full(n_groups, -1)
    width, n_seen = np.inf, 0
    for end in range(len(value)):
        n_seen += last[group[end]] < 0
        last[group[end]] = end
        if n_seen == n_groups:
            start = last.min()
            if value[end] - value[start] < width:
                width = value[end] - value[start]
                chosen[:] = last
    return width, chosen
