"""The compiled loops of the search. Importing this file compiles them, or takes them from disk where they were kept.

Arrays that every loop reads or writes, beside those of :class:`recidiv_core.slices.search.Problem`:

- ``setting`` (5,): alpha, total weight, total error, least support, deepest level.
- ``best``, one row per thread: ``scores`` and ``sizes`` (T, K), ``paths`` (T, K, levels; −1 where a path is shorter),
  and
  ``thresholds`` (T,), the score that a slice must reach to be among a thread's own best. Each thread writes its row and
  reads the others' thresholds: an old one only prunes less.
- ``control`` (1 + T,): whether to stop, then how many nodes each thread has visited.
"""

import numpy as np

from recidiv_core.stats.compiled import compiled

ROUNDING = 1e-9  # what rounding may do to a bound
_CELLS, _BEST = "int64[:,:,::1]", "float64[:,::1], int64[:,::1], int64[:,:,::1], float64[::1]"
_ROWS = "uint8[::1], int64[::1], int64[::1]"


@compiled(f"{_CELLS}(uint16[:,::1], int64[::1], int64, {_ROWS})")
def count(codes, first, n_ranges, ranges, weight, error):
    """Weight and error of every item in every range, shape (items, ranges, 2); feature j's items start at first[j]."""
    cells = np.zeros((first[-1], n_ranges, 2), np.int64)
    for j in range(len(codes)):
        own, column = cells[first[j] : first[j + 1]], codes[j]
        for i in range(len(column)):
            own[column[i], ranges[i], 0] += weight[i]
            own[column[i], ranges[i], 1] += error[i]
    return cells


@compiled("float64(float64, float64, float64[::1])")
def score(size, error, setting):
    """SliceLine's score of a slice (Sagadeeva and Boehm 2021, equation 3)."""
    alpha, n, total = setting[0], setting[1], setting[2]
    return alpha * ((error / size) / (total / n) - 1) - (1 - alpha) * (n / size - 1)


@compiled("float64(int64[:,::1], int64[:,::1], float64[::1], float64[::1])")
def bound(a, b, largest, setting):
    """The highest score that rows in both ``a`` and ``b``, cells of shape (ranges, 2), can have; −∞ with too few.

    In each range they hold at most the smaller error of both, at most ``largest`` per weight. So the largest error at a
    given weight is a concave line of segments, and the score between two of its corners has no inner maximum.
    """
    support, size, top, most, full = setting[3], 0.0, 0.0, -np.inf, 0.0
    for r in range(len(a)):
        full += min(a[r, 0], b[r, 0])
        held = min(a[r, 1], b[r, 1])
        if held > 0:
            wide = held / largest[r]
            if size < support < size + wide:
                most = max(most, score(support, top + (support - size) * largest[r], setting))
            size, top = size + wide, top + held
            if size >= support:
                most = max(most, score(size, top, setting))
    if full < support:
        return -np.inf
    if size < support:
        most = score(support, top, setting)
    return max(most, score(full, top, setting))


@compiled("boolean(float64, int64, int64[::1], float64, int64, int64[::1], int64[::1])")
def precedes(score_a, size_a, path_a, score_b, size_b, path_b, names):
    """Whether slice a ranks before slice b: higher score, then more people, then fewer predicates, then by name."""
    if score_a != score_b:
        return score_a > score_b
    if size_a != size_b:
        return size_a > size_b
    level_a, level_b = (path_a >= 0).sum(), (path_b >= 0).sum()
    if level_a != level_b:
        return level_a < level_b
    own, other = np.sort(names[path_a[:level_a]]), np.sort(names[path_b[:level_b]])
    for i in range(level_a):
        if own[i] != other[i]:
            return own[i] < other[i]
    return False


@compiled(f"void(float64, int64, int64[::1], int64[::1], {_BEST}, int64)")
def offer(value, size, path, names, scores, sizes, paths, thresholds, thread):
    """Take a slice among the best of a thread if it belongs there."""
    worst = 0
    for i in range(1, scores.shape[1]):
        if precedes(
            scores[thread, worst],
            sizes[thread, worst],
            paths[thread, worst],
            scores[thread, i],
            sizes[thread, i],
            paths[thread, i],
            names,
        ):
            worst = i
    if precedes(value, size, path, scores[thread, worst], sizes[thread, worst], paths[thread, worst], names):
        scores[thread, worst], sizes[thread, worst] = value, size
        paths[thread, worst, :] = path
        thresholds[thread] = scores[thread].min()


@compiled("boolean(float64, float64[::1])")
def may_hold(highest, thresholds):
    """Whether a branch whose scores end at ``highest`` may hold one of the best slices; a score must be above 0."""
    threshold = thresholds.max()
    return highest > -ROUNDING and highest >= threshold - ROUNDING * max(1.0, abs(threshold))


@compiled(
    f"void({_CELLS}, int64[::1], boolean[::1], int64[::1], int64, float64[::1], float64[::1], int64[::1], {_BEST}, "
    "int64)"
)
def judge(cells, items, live, path, depth, largest, setting, names, scores, sizes, paths, thresholds, thread):
    """Offer every live child of a node; live stay those below which a better slice may lie."""
    own = path.copy()
    for i in range(len(cells)):
        if not live[i]:
            continue
        size, error = cells[i, :, 0].sum(), cells[i, :, 1].sum()
        live[i] = size >= setting[3]
        if live[i]:
            value = score(size, error, setting)
            if value > 0 and value >= thresholds.max():
                own[depth] = items[i]
                offer(value, size, own, names, scores, sizes, paths, thresholds, thread)
    for i in range(len(cells)):
        if live[i]:
            live[i] = depth + 1 < setting[4] and may_hold(bound(cells[i], cells[i], largest, setting), thresholds)


@compiled(f"boolean[::1]({_CELLS}, int64[::1], boolean[::1], int64, int64, float64[::1], float64[::1], float64[::1])")
def tail(cells, first, live, feature, item, largest, setting, thresholds):
    """Which items of later features may be added to ``item``."""
    found = np.zeros(len(live), np.bool_)
    for i in range(first[feature + 1], len(live)):
        if live[i]:
            found[i] = may_hold(bound(cells[item], cells[i], largest, setting), thresholds)
    return found


@compiled(
    f"void(uint16[:,::1], int64[::1], int64[::1], boolean[::1], {_CELLS}, int64, int64, {_ROWS}, int64[::1], int64, "
    f"float64[::1], float64[::1], int64[::1], {_BEST}, int64, int64[::1])"
)
def descend(
    codes,
    first,
    items,
    live,
    cells,
    feature,
    item,
    ranges,
    weight,
    error,
    path,
    depth,
    largest,
    setting,
    names,
    scores,
    sizes,
    paths,
    thresholds,
    thread,
    control,
):
    """Search below ``item`` of ``feature`` at a node: the rows are the node's, ``path`` holds its ``depth`` items."""
    added = tail(cells, first, live, feature, item, largest, setting, thresholds)
    if control[0] or not added.any():
        return
    control[1 + thread] += 1
    kept = np.array([j for j in range(feature + 1, len(codes)) if added[first[j] : first[j + 1]].any()])
    rows = np.empty(codes.shape[1], np.int64)
    n, code, column = 0, item - first[feature], codes[feature]
    for i in range(len(column)):
        rows[n] = i
        n += column[i] == code
    own_codes = np.empty((len(kept), n), np.uint16)
    own_first = np.zeros(len(kept) + 1, np.int64)
    for k in range(len(kept)):
        own_first[k + 1] = own_first[k] + first[kept[k] + 1] - first[kept[k]]
        for i in range(n):
            own_codes[k, i] = codes[kept[k], rows[i]]
    own_items, own_live = np.empty(own_first[-1], np.int64), np.empty(own_first[-1], np.bool_)
    for k in range(len(kept)):
        own_items[own_first[k] : own_first[k + 1]] = items[first[kept[k]] : first[kept[k] + 1]]
        own_live[own_first[k] : own_first[k + 1]] = added[first[kept[k]] : first[kept[k] + 1]]
    own_ranges, own_weight, own_error = ranges[rows[:n]], weight[rows[:n]], error[rows[:n]]
    own_path = path.copy()
    own_path[depth] = items[item]
    own_cells = count(own_codes, own_first, len(largest), own_ranges, own_weight, own_error)
    judge(
        own_cells,
        own_items,
        own_live,
        own_path,
        depth + 1,
        largest,
        setting,
        names,
        scores,
        sizes,
        paths,
        thresholds,
        thread,
    )
    for k in range(len(kept) - 1):
        for i in range(own_first[k], own_first[k + 1]):
            if own_live[i]:
                descend(
                    own_codes,
                    own_first,
                    own_items,
                    own_live,
                    own_cells,
                    k,
                    i,
                    own_ranges,
                    own_weight,
                    own_error,
                    own_path,
                    depth + 1,
                    largest,
                    setting,
                    names,
                    scores,
                    sizes,
                    paths,
                    thresholds,
                    thread,
                    control,
                )
