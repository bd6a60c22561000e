"""From a dataset to what the search needs: errors, two parts of the rows, and columns as levels."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from recidiv_core.data import AFTERWARDS, GIVEN_AWAY, AuditDataset, candidates, gives_away, is_outcome, shown
from recidiv_core.errors import InputError, Problem
from recidiv_core.options import LARGEST_SEED, is_seed
from recidiv_core.slices.binning import NO_CUT, BinnedFrame, Progress, bin_features
from recidiv_core.slices.find import LEAST_SUPPORT, conjunctions, default_support
from recidiv_core.slices.losses import RowErrors, row_errors
from recidiv_core.words import many

_LABEL = "outcome"
_HEAVY_CELLS, _HEAVY_CONJUNCTIONS, _HEAVY_ALPHA = 20_000_000, 10**11, 0.99
RARE = "every value but one is too rare"
_LIKE_A_SCORE = 0.4
LIKE_A_SCORE = "follows the score as another score would; choose it to use it all the same"


@dataclass(frozen=True, eq=False)
class Bins:
    """All n rows as levels.

    ``held_out`` (n,) marks the rows kept from search and binning; ``features`` are the columns to search.
    """

    levels: pd.DataFrame
    features: tuple[str, ...]
    held_out: np.ndarray
    binning: BinnedFrame
    left_out: dict[str, str]


@dataclass(frozen=True, eq=False)
class Prepared:
    """The m rows that an error is about, as the search sees them: ``errors`` (m,), ``held_out`` (m,), ``weight``
    (m,) or None.
    """

    of: RowErrors
    bins: Bins
    levels: pd.DataFrame
    held_out: np.ndarray
    weight: np.ndarray | None

    @property
    def errors(self) -> np.ndarray:
        """The error of each row."""
        return self.of.values

    @property
    def features(self) -> tuple[str, ...]:
        """The columns to search."""
        return self.bins.features

    @property
    def quantities(self) -> frozenset[str]:
        """The columns whose levels are bins of a number."""
        return frozenset(self.bins.binning.cutpoints)


def search_cost(dataset: AuditDataset, options: Mapping[str, Any]) -> dict[str, Any]:
    """What :func:`audit_slices` with these options may have to do at most.

    n_columns, n_values, n_conjunctions, words, and is_heavy: whether somebody should be asked first. What the search
    really opens is mostly far less, but cannot be known beforehand.
    """
    error, given = options["error"], options["features"]
    names = candidates(dataset, include_sensitive=options["include_sensitive"], error=error) if given is None else given
    n_held = round(options["holdout"] * len(dataset))
    support = options["min_support"] or default_support(len(dataset) - n_held)
    most = max(1, int((len(dataset) - n_held) / support))
    bins = (options.get("binning") or {}).get("max_bins", 8)
    levels = [min(most, _most_levels(dataset, name, bins)) for name in names]
    n = conjunctions(levels, options["max_level"])
    words = (
        f"{len(names):,} columns with up to {sum(levels):,} values: at most {many(n)} conjunctions of "
        f"{len(dataset) - n_held:,} rows. Most are ruled out unseen; how long it takes cannot be said beforehand. "
        "It can be stopped."
    )
    is_heavy = len(names) * len(dataset) > _HEAVY_CELLS or (n > _HEAVY_CONJUNCTIONS and options["alpha"] > _HEAVY_ALPHA)
    return {"n_columns": len(names), "n_values": sum(levels), "n_conjunctions": n, "words": words, "is_heavy": is_heavy}


def _most_levels(dataset: AuditDataset, name: str, bins: int) -> int:
    if name in dataset.attributes:
        return len(dataset.attributes[name].levels)
    if pd.api.types.is_numeric_dtype(dataset.frame[name]):
        return bins
    return dataset.reduced(("levels", name), lambda: int(dataset.frame[name].nunique()))


def prepare(
    dataset: AuditDataset,
    *,
    error: str,
    threshold: float | None,
    features: Sequence[str] | None,
    include_sensitive: bool,
    extra: Sequence[str],
    holdout: float,
    random_state: int,
    binning: Mapping[str, Any],
    held_out: np.ndarray | None = None,
    progress: Progress = None,
) -> Prepared:
    """Errors, parts and levels. The levels are made once for the same choices and kept with the dataset.

    ``extra`` are columns that slices written by hand need. A dataset's own protected groups are levels as they are.
    ``held_out``, a mask (n,), says which rows to keep from the search where chance is not to decide.
    """
    of = row_errors(dataset, error, threshold=threshold)
    names = tuple(
        candidates(dataset, include_sensitive=include_sensitive, error=error) if features is None else features
    )
    is_free = features is None and not dataset.roles.features
    if error in {*names, *extra}:
        raise InputError.one(f"feature {shown(error)}", "another column than the error", "the error itself")
    parts = _split(len(dataset), holdout, random_state) if held_out is None else held_out
    more = tuple(sorted(set(extra) - set(names)))
    key = ("slices", names, is_free, more, hashlib.sha256(np.packbits(parts)).digest(), repr(binning))
    bins = dataset.reduced(key, lambda: _bins(dataset, names, is_free, more, parts, binning, progress))
    weight = None if dataset.weight is None else dataset.weight[of.rows]
    own = bins.held_out[of.rows]
    if not all(part.any() and (weight is None or weight[part].any()) for part in (own, ~own)):
        raise InputError.one("holdout", f"a share that leaves rows on both sides of {len(own):,}", "none on one side")
    levels = bins.levels if of.rows.all() else bins.levels[of.rows]
    return Prepared(of, bins, levels, own, weight)


def _bins(
    dataset: AuditDataset,
    names: Sequence[str],
    is_free: bool,
    extra: Sequence[str],
    held_out: np.ndarray,
    binning: Mapping[str, Any],
    progress: Progress,
) -> Bins:
    if not names:
        raise InputError.one("features", "at least one column", "none")
    if problems := _problems(dataset, [*names, *extra]):
        raise InputError(problems)
    if (n_seen := int((~held_out).sum())) < 2 * LEAST_SUPPORT:  # no slice and its complement would both be large enough
        raise InputError.one("rows", f"at least {2 * LEAST_SUPPORT} to search", f"{n_seen}, after those held out")
    frame = _frame(dataset, list(dict.fromkeys([*names, *extra])))
    binned = _binned(dataset, frame, ~held_out, binning, progress)
    levels, left_out = binned.apply(frame), dict(binned.left_out)
    own = [name for name in names if name in levels]
    seen, y = levels[~held_out], dataset.y_true[~held_out]
    left_out |= {name: RARE for name in own if (seen[name].value_counts() >= default_support(len(seen))).sum() < 2}
    left_out |= _repeats(seen, [name for name in own if name not in left_out])
    if is_free:
        from scipy.stats import rankdata

        ranks = None if dataset.y_score is None else rankdata(dataset.y_score[~held_out])
        for name in [name for name in own if name not in left_out and name not in dataset.attributes]:
            if is_outcome(name):
                left_out[name] = AFTERWARDS
            elif ranks is not None and follows(ranks, seen[name]):
                left_out[name] = LIKE_A_SCORE
            elif gives_away(seen[name], y):
                left_out[name] = GIVEN_AWAY
    searched = tuple(name for name in own if name not in left_out)
    if not searched:
        raise InputError.one("features", "at least one column with two levels", "none")
    return Bins(levels, searched, held_out, binned, left_out)


def _split(n: int, holdout: float, random_state: int) -> np.ndarray:
    """Which rows are held out."""
    if not is_seed(random_state):
        raise InputError.one("random_state", f"a whole number from 0 to {LARGEST_SEED}", "something else")
    held_out = np.zeros(n, bool)
    held_out[np.random.default_rng(random_state).permutation(n)[: round(holdout * n)]] = True
    if held_out.all() or not held_out.any():
        raise InputError.one("holdout", f"a share that leaves rows on both sides of {n:,}", "none on one side")
    return held_out


def _problems(dataset: AuditDataset, names: Sequence[str]) -> list[Problem]:
    roles = dataset.roles
    told = {roles.label: "the outcome", roles.prediction: "the prediction", roles.weight: "the weight"}
    problems = [
        Problem(f"feature {shown(name)}", "a column of the table", "no such column")
        for name in names
        if name not in dataset.frame and name not in dataset.attributes
    ]
    return problems + [
        Problem(f"feature {shown(name)}", "something known of a person", told[name]) for name in names if name in told
    ]


def _frame(dataset: AuditDataset, names: Sequence[str]) -> pd.DataFrame:
    """The columns; of a protected attribute its groups."""
    columns = {}
    for name in names:
        if name in dataset.attributes:
            own = dataset.attributes[name]
            columns[name] = pd.Categorical.from_codes(own.codes, categories=list(own.levels), ordered=True)
        else:
            columns[name] = dataset.frame[name].array
    return pd.DataFrame(columns)


def _binned(
    dataset: AuditDataset, frame: pd.DataFrame, seen: np.ndarray, options: Mapping[str, Any], progress: Progress
) -> BinnedFrame:
    """Bins made on the rows that are searched: cut-points that had seen the others would know their outcomes.

    Cut-points once found are kept with the dataset, so that a change of one column's bins does not look for all others
    again.
    """
    label = _LABEL
    while label in frame:
        label += "_"
    per_column = {
        name: {column: value for column, value in options[name].items() if column in frame}
        for name in ("cutpoints", "special", "monotonic")
        if isinstance(options.get(name), Mapping)
    }
    plain = {name: value for name, value in options.items() if name not in per_column}
    kept = dataset.reduced(("cuts", hashlib.sha256(np.packbits(seen)).digest(), repr(plain)), dict)
    asked = {*per_column.get("special", {}), *per_column.get("monotonic", {})}
    known = {name: cuts for name, cuts in kept.items() if name in frame and name not in asked}
    given = known | dict(per_column.get("cutpoints", {}))
    own = frame.loc[seen].assign(**{label: dataset.y_true[seen]})
    binned = bin_features(own, label=label, progress=progress, **(plain | per_column | {"cutpoints": given}))
    found = binned.cutpoints | {name: () for name, reason in binned.left_out.items() if reason == NO_CUT}
    kept |= {
        name: cuts for name, cuts in found.items() if name not in asked and name not in per_column.get("cutpoints", {})
    }
    return binned


def _repeats(levels: pd.DataFrame, names: Sequence[str]) -> dict[str, str]:
    """Columns that say the same of every row as one before them."""
    first: dict[bytes, str] = {}
    found = {}
    for name in names:
        codes = pd.factorize(levels[name])[0]
        other = first.setdefault(hashlib.sha256(codes.astype(np.int16).tobytes()).digest(), name)
        if other != name:
            found[name] = f"the same levels as {other} in every row"
    return found


def follows(score_ranks: np.ndarray, column: pd.Series) -> bool:
    """Whether a column's levels explain as much of the score's ranks as only another score would (correlation
    ratio).
    """
    codes = column.cat.codes.to_numpy() + 1
    n, sums = np.bincount(codes), np.bincount(codes, weights=score_ranks)
    present = n > 0
    between = (sums[present] ** 2 / n[present]).sum() / len(codes) - score_ranks.mean() ** 2
    return bool(between / score_ranks.var() >= _LIKE_A_SCORE)
