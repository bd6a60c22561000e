import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, roc_auc_score

from recidiv_core.stats import ConfusionCounts, ScoreCurves, baseline_threshold, prevalence_threshold

ROWS = st.lists(
    st.tuples(
        st.booleans(), st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]), st.sampled_from("abc"), st.floats(0.1, 5)
    ),
    min_size=1,
    max_size=60,
)


def arrays(rows):
    y, score, group, weight = (np.array(part) for part in zip(*rows, strict=True))
    return y, score, group, weight


@given(ROWS, st.booleans(), st.integers(0, 60))
def test_merging_parts_equals_reducing_the_whole(rows, weighted, cut):
    y, score, group, weight = arrays(rows)
    cut = min(cut, len(rows))

    def reduce(part):
        w = weight[part] if weighted else None
        return ScoreCurves.from_arrays(y[part], score[part], group[part], sample_weight=w)

    whole, merged = reduce(slice(None)), reduce(slice(0, cut)).merge(reduce(slice(cut, None)))
    assert set(whole.groups) == set(merged.groups)
    for name, curve in whole.groups.items():
        for part, other in zip(vars(curve).values(), vars(merged.groups[name]).values(), strict=True):
            assert part == pytest.approx(other)


@given(ROWS)
def test_auc_and_flags_equal_row_by_row(rows):
    y, score, group, weight = arrays(rows)
    curve = ScoreCurves.from_arrays(y, score, group, sample_weight=weight).pooled
    auc, error, _, _ = curve.auc()
    if y.all() or not y.any():
        assert np.isnan(auc)
    else:
        assert auc == pytest.approx(roc_auc_score(y, score, sample_weight=weight), abs=1e-12)
        assert error >= 0 or np.isnan(error)
    for threshold in (0.0, 0.1, 0.3, 2.0):
        true, false = curve.flagged_at(np.array([threshold]))
        assert true[0] == pytest.approx(weight[y & (score >= threshold)].sum())
        assert false[0] == pytest.approx(weight[~y & (score >= threshold)].sum())


def test_delong_equals_its_definition():
    """DeLong's variance from all m × n placements, written as the paper has it."""
    random = np.random.default_rng(3)
    y, score = random.random(70) < 0.4, random.integers(0, 12, 70)
    positive, negative = score[y][:, None], score[~y][None, :]
    wins = (positive > negative) + 0.5 * (positive == negative)
    v10, v01 = wins.mean(axis=1), wins.mean(axis=0)
    expected = np.sqrt(v10.var(ddof=1) / y.sum() + v01.var(ddof=1) / (~y).sum())
    auc, error, n_pos, n_neg = ScoreCurves.from_arrays(y, score, np.zeros(70)).pooled.auc()
    assert (auc, error) == pytest.approx((wins.mean(), expected), abs=1e-12)
    assert (n_pos, n_neg) == (y.sum(), (~y).sum())


def test_means_equal_row_by_row():
    random = np.random.default_rng(4)
    y, score = random.random(200) < 0.3, random.random(200).round(1)
    curve = ScoreCurves.from_arrays(y, score, np.zeros(200)).pooled
    mean, error, n = curve.mean((1 - curve.scores) ** 2, curve.scores**2)
    squares = (y - score) ** 2
    assert mean == pytest.approx(brier_score_loss(y, score), abs=1e-12)
    assert error == pytest.approx(squares.std(ddof=1) / np.sqrt(200), rel=1e-12)
    assert n == 200


@given(ROWS)
def test_baseline_is_the_best_by_brute_force(rows):
    y, score, _, _ = arrays(rows)
    curve = ScoreCurves.from_arrays(y, score, np.zeros(len(y))).pooled

    def of(t):
        flagged = score >= t
        return y[flagged].mean(), y[flagged].sum()  # precision; recall up to a constant

    chosen, candidates = of(baseline_threshold(curve)), [of(t) for t in np.unique(score)]
    precise = [c for c in candidates if c[0] >= 0.85]
    best = max(precise, key=lambda c: c[1]) if precise else max(candidates)
    assert chosen[1 if precise else 0] == pytest.approx(best[1 if precise else 0])
    assert chosen[0] >= 0.85 if precise else chosen == pytest.approx(best)


@given(ROWS, st.integers(0, 60))
def test_counts_merge_and_collapse(rows, cut):
    y, score, group, weight = arrays(rows)
    names, codes = np.unique(group, return_inverse=True)
    cells = 4 * codes + 2 * y + (score >= 0.5)
    names = tuple(names)
    whole = ConfusionCounts.from_codes(names, cells, sample_weight=weight)
    parts = [
        ConfusionCounts.from_codes(names, cells[p], sample_weight=weight[p]) for p in (slice(0, cut), slice(cut, None))
    ]
    merged = parts[0].merge(parts[1])
    together = whole.collapse(np.zeros(len(names), dtype=int), ("all",))
    for part in ("n", "weight", "weight_squared"):
        assert getattr(merged, part) == pytest.approx(getattr(whole, part))
        assert getattr(together, part).sum() == pytest.approx(getattr(whole, part).sum())
    assert whole.effective(np.ones((1, 4))).max() <= len(rows) + 1e-9


@given(ROWS)
def test_prevalence_threshold_flags_as_many_as_had_the_outcome(rows):
    y, score, _, _ = arrays(rows)
    chosen = prevalence_threshold(ScoreCurves.from_arrays(y, score, np.zeros(len(y))).pooled)
    gaps = {t: abs((score >= t).sum() - y.sum()) for t in np.unique(score)}
    assert gaps[chosen] == min(gaps.values())
