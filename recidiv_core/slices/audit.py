"""The slices where a model fails: searched on one part of the rows, confirmed on the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from recidiv_core.data import AuditDataset, Roles, shown
from recidiv_core.errors import InputError, Problem
from recidiv_core.plain import plain
from recidiv_core.slices.binning import BinnedFrame, Progress
from recidiv_core.slices.confirm import confirm
from recidiv_core.slices.find import MAX_K, SliceResult, find_slices, is_whole, slice_rows, slice_score
from recidiv_core.slices.prepare import Prepared, prepare

JACCARD = 0.8
FOUND, BY_HAND = "found", "by hand"
_WIDER = 4  # how many times the slices asked for are searched at first, as some will fold


@dataclass(frozen=True, eq=False)
class SliceAudit:
    """What was found, and what held-out rows say of it.

    Attributes
    ----------
    table : DataFrame
        One row per slice: rank, kind ("found" or "by hand"), slice (dict of column -> level, or list of levels), words,
        level, n, share, mean_error, max_error, score (on the rows searched; n counts rows, share is of the weight),
        then of the held-out rows held_out_n, held_out_share, held_out_error, excess (over the mean of all held-out
        rows), low, high, p_value, p_holm, confirmed, reason (see :func:`confirm`), and n_folded.
    folded : DataFrame
        under (rank), words, slice, level, n, share, mean_error, score, jaccard: near-duplicates of a slice in the
        table.
    binning : BinnedFrame
        Made on the rows searched.
    left_out : dict of column -> reason
    about : str
        The people that the error is about.
    n_search, n_held_out : int
    mean_error, held_out_error : float
        Of all rows searched, and of all held out.
    n_found, n_confirmed : int
        Slices that the search found, and those of them that are confirmed.
    n_beyond : int
        Of the confirmed ones but the first: those that are confirmed again among the held-out people who are not in the
        first.
    """

    room: ClassVar[str] = "slices"

    dataset: dict[str, Any]
    roles: Roles
    options: dict[str, Any]
    error: str
    error_title: str
    error_mean: str
    about: str
    threshold: float | None
    table: pd.DataFrame
    folded: pd.DataFrame
    binning: BinnedFrame
    features: tuple[str, ...]
    left_out: dict[str, str]
    n_search: int
    n_held_out: int
    mean_error: float
    held_out_error: float
    n_found: int
    n_confirmed: int
    n_beyond: int
    n_predicates: int
    n_conjunctions: int
    n_opened: int
    reason: str
    ledger: pd.DataFrame

    @property
    def attributes(self) -> tuple[str, ...]:
        """The protected attributes of the data."""
        return self.roles.sensitive

    @property
    def decided(self) -> dict[str, Any]:
        """What was searched, for the manifest."""
        return {"error": self.error, "threshold": self.threshold, "features": list(self.features)}

    def only(self, ranks: Sequence[int]) -> SliceAudit:
        """The same audit with some of its slices; their tests stay those of the whole family."""
        table = self.table[self.table["rank"].isin(ranks)].reset_index(drop=True)
        return replace(self, table=table, folded=self.folded[self.folded["under"].isin(ranks)].reset_index(drop=True))

    def to_dict(self) -> dict[str, Any]:
        """Strict JSON values."""
        binning = {"cutpoints": self.binning.cutpoints, "table": self.binning.table, "left_out": self.left_out}
        own = {
            field: getattr(self, field)
            for field in self.__dataclass_fields__
            if field not in ("binning", "left_out", "roles")
        }
        return {"room": self.room, **plain(own), "binning": plain(binning), "roles": plain(self.roles.to_dict())}


def audit_slices(
    dataset: AuditDataset,
    *,
    error: str = "log_loss",
    threshold: float | None = None,
    features: Sequence[str] | None = None,
    include_sensitive: bool = True,
    manual: Sequence[Mapping[str, Any]] = (),
    holdout: float = 0.5,
    k: int = 10,
    alpha: float = 0.95,
    min_support: float | None = None,
    max_level: int | None = None,
    confidence_level: float = 0.95,
    random_state: int = 0,
    binning: Mapping[str, Any] | None = None,
    progress: Progress = None,
) -> SliceAudit:
    """Find the k slices with the highest score (see :func:`find_slices`) and test each on rows that had no part in
    finding it.

    Near-duplicates (Jaccard index of the rows above 0.8) fold under the best of them; the search goes on until k others
    are found, or there are no more. Slices written by hand stand in the same table and in the same family of tests.

    Parameters
    ----------
    error : str
        "log_loss", "zero_one", "false_positive" (among people without the outcome), "false_negative" (among people with
        it), or a column of non-negative numbers.
    threshold : float, optional
        Flag a row when its score ≥ threshold; see :func:`row_errors`.
    features : sequence of str, optional
        Columns to search. None: those that the roles name, else all without a role, but for those that look recorded
        after the outcome; with the protected attributes if ``include_sensitive``.
    manual : sequence of dicts of column -> level or list of levels
    holdout : float
        The share of rows kept from search and binning.
    binning : mapping, optional
        ``max_bins``, ``min_bin_size``, ``monotonic``, ``cutpoints``, ``special`` of :func:`bin_features`.

    Raises
    ------
    InputError
        When an option is out of range, or the error does not exist for these data.
    """
    options = {
        "threshold": threshold,
        "features": None if features is None else list(features),
        "manual": [dict(own) for own in manual],
        "include_sensitive": include_sensitive,
        "holdout": holdout,
        "k": k,
        "alpha": alpha,
        "min_support": min_support,
        "max_level": max_level,
        "confidence_level": confidence_level,
        "random_state": random_state,
        "binning": dict(binning or {}),
    }
    return audit_with(dataset, error, options, progress=progress)


def audit_with(
    dataset: AuditDataset,
    error: str,
    options: dict[str, Any],
    *,
    held_out: np.ndarray | None = None,
    progress: Progress = None,
) -> SliceAudit:
    """:func:`audit_slices` with all its options, and with the rows to hold out, as a mask (n,), where chance is not
    to choose them.
    """
    _check(options, dataset)
    manual, alpha, confidence_level = (options[name] for name in ("manual", "alpha", "confidence_level"))
    ready = prepared(dataset, error, options, held_out=held_out, progress=_part(progress, 0.0, 0.4))
    _check_manual(manual, ready)
    found, kept, folded = _found(ready, options, _part(progress, 0.4, 0.6))
    seen = ~ready.held_out
    slices = [*found.table.loc[kept, "slice"], *(dict(slice_) for slice_ in manual)]
    kinds = [FOUND] * len(kept) + [BY_HAND] * len(manual)
    searched = _searched_table(ready, slices, kinds, folded["under"].value_counts(), alpha)
    held_levels, held_errors = ready.levels[ready.held_out], ready.errors[ready.held_out]
    held_weight = None if ready.weight is None else ready.weight[ready.held_out]
    judged = confirm(
        held_errors,
        held_weight,
        [slice_rows(held_levels, slice_) for slice_ in slices],
        confidence_level=confidence_level,
    )
    judged = judged.rename(columns={"n": "held_out_n", "share": "held_out_share", "mean_error": "held_out_error"})
    table = pd.concat([searched, judged.drop(columns="rest_error")], axis=1)
    confirmed = table.index[table["confirmed"] & (table["kind"] == FOUND)]
    members = [slice_rows(held_levels, slices[i]) for i in confirmed]
    about = {"name": dataset.name, "sha256": dataset.sha256, "digest": dataset.digest, "n": len(dataset)}
    options = options | {"min_support": found.options["min_support"]}
    return SliceAudit(
        dataset=about,
        roles=dataset.roles,
        options=options,
        error=error,
        error_title=ready.of.loss.title,
        error_mean=ready.of.loss.mean,
        about=ready.of.loss.of,
        threshold=ready.of.threshold,
        table=table,
        folded=folded,
        binning=ready.bins.binning,
        features=ready.features,
        left_out=ready.bins.left_out,
        n_search=int(seen.sum()),
        n_held_out=int((~seen).sum()),
        mean_error=found.mean_error,
        held_out_error=float(np.average(held_errors, weights=held_weight)),
        n_found=len(kept),
        n_confirmed=len(confirmed),
        n_beyond=_n_beyond(held_errors, held_weight, members, confidence_level),
        n_predicates=found.n_predicates,
        n_conjunctions=found.n_conjunctions,
        n_opened=found.n_opened,
        reason=found.reason,
        ledger=dataset.ledger_table(),
    )


def _searched_table(
    ready: Prepared, slices: Sequence[dict[str, Any]], kinds: Sequence[str], n_folded: pd.Series, alpha: float
) -> pd.DataFrame:
    """Each slice with its rank, its words, how many folded under it, and its figures on the rows searched."""
    rows = [
        {
            "rank": rank,
            "kind": kind,
            "slice": slice_,
            "words": slice_words(slice_, ready.quantities),
            "level": len(slice_),
            **_searched(ready, slice_, alpha),
            "n_folded": int(n_folded.get(rank, 0)),
        }
        for rank, (kind, slice_) in enumerate(zip(kinds, slices, strict=True), start=1)
    ]
    return pd.DataFrame(rows, columns=[*_SEARCHED, "n_folded"])


def prepared(
    dataset: AuditDataset,
    error: str,
    options: Mapping[str, Any],
    *,
    held_out: np.ndarray | None = None,
    progress: Progress = None,
) -> Prepared:
    """What an audit with these options searched."""
    extra = sorted({name for slice_ in options["manual"] for name in slice_})
    own = {
        name: options[name]
        for name in ("threshold", "features", "include_sensitive", "holdout", "random_state", "binning")
    }
    return prepare(dataset, error=error, extra=extra, held_out=held_out, progress=progress, **own)


_SEARCHED = ["rank", "kind", "slice", "words", "level", "n", "share", "mean_error", "max_error", "score"]
_FOLDED = ["under", "words", "slice", "level", "size", "share", "mean_error", "score", "jaccard"]


def _part(progress: Progress, start: float, width: float) -> Progress:
    """A report that goes from ``start`` on over ``width``."""
    return None if progress is None else lambda share, text: progress(start + width * share, text)


def _n_beyond(
    errors: np.ndarray, weight: np.ndarray | None, members: Sequence[np.ndarray], confidence_level: float
) -> int:
    """How many slices are confirmed among the people who are not in the first of them; ``members`` are masks (n,)."""
    if len(members) < 2:
        return 0
    left = ~members[0]
    own = None if weight is None else weight[left]
    if not left.any() or (own is not None and not own.any()):
        return 0
    others = [rows[left] for rows in members[1:]]
    return int(confirm(errors[left], own, others, confidence_level=confidence_level)["confirmed"].sum())


def _check(options: dict[str, Any], dataset: AuditDataset) -> None:
    problems = []
    if not is_whole(options["k"]) or not 1 <= options["k"] <= MAX_K:
        problems.append(Problem("k", f"a whole number from 1 to {MAX_K:,}", "something else"))
    if not 0 < options["holdout"] < 1:
        problems.append(Problem("holdout", "a share between 0 and 1", "something else"))
    if not 0.5 < options["confidence_level"] < 1:
        problems.append(Problem("confidence_level", "a number between 0.5 and 1", "something else"))
    if not all(options["manual"]):
        problems.append(Problem("manual", "columns with a level each", "something else"))
    if unknown := set(options["binning"]) - {"max_bins", "min_bin_size", "monotonic", "cutpoints", "special"}:
        problems.append(Problem("binning", "options of bin_features", f"{len(unknown)} others"))
    per_column = [own for own in options["binning"].values() if isinstance(own, Mapping)]
    for name in {name for own in per_column for name in own} - {*dataset.frame.columns, *dataset.attributes}:
        problems.append(Problem(f"bins of {shown(name)}", "a column of the table", "no such column"))
    if problems:
        raise InputError(problems)


def _check_manual(manual: Sequence[Mapping[str, Any]], ready: Prepared) -> None:
    problems = []
    for name, value in ((name, value) for slice_ in manual for name, value in slice_.items()):
        if name not in ready.levels:
            problems.append(
                Problem(f"slice by {shown(name)}", "a column with two levels", ready.bins.left_out.get(name, "another"))
            )
        elif not set(_as_list(value)) <= set(ready.levels[name].cat.categories) or not _as_list(value):
            problems.append(
                Problem(f"slice by {shown(name)}", "levels of the column, as it was binned", "another level")
            )
    if problems:
        raise InputError(problems)


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _found(ready: Prepared, options: dict[str, Any], progress: Progress) -> tuple[SliceResult, list[int], pd.DataFrame]:
    """The search wide enough that k slices are left when near-duplicates are folded; which those are; and what
    folded.
    """
    seen = ~ready.held_out
    features, errors = ready.levels.loc[seen, list(ready.features)], ready.errors[seen]
    weight = None if ready.weight is None else ready.weight[seen]
    own = {name: options[name] for name in ("alpha", "min_support", "max_level")}
    wanted = options["k"]
    wide = min(MAX_K, _WIDER * wanted)
    while True:
        found = find_slices(features, errors, k=wide, sample_weight=weight, progress=progress, **own)
        kept, folded = _fold(found.table, features, wanted)
        if len(kept) == wanted or len(found.table) < wide or wide == MAX_K:
            folded["words"] = [slice_words(slice_, ready.quantities) for slice_ in folded["slice"]]
            return found, kept, folded[_FOLDED]
        wide = min(MAX_K, _WIDER * wide)


def _fold(table: pd.DataFrame, features: pd.DataFrame, wanted: int) -> tuple[list[int], pd.DataFrame]:
    """Go down the ranks: a slice whose rows are nearly those of one kept before folds under it."""
    kept: list[int] = []
    packed: list[np.ndarray] = []
    folded = []
    for position, slice_ in enumerate(table["slice"]):
        bits = np.packbits(slice_rows(features, slice_))
        alike = [_jaccard(bits, other) for other in packed]
        near = next((i for i, value in enumerate(alike) if value > JACCARD), None)
        if near is not None:
            folded.append({"position": position, "under": near + 1, "jaccard": alike[near]})
        elif len(kept) == wanted:
            break
        else:
            kept.append(position)
            packed.append(bits)
    found = pd.DataFrame(folded, columns=["position", "under", "jaccard"])
    return kept, found.join(table, on="position")


def _jaccard(a: np.ndarray, b: np.ndarray) -> float:
    both = int(np.bitwise_count(a & b).sum())
    return both / (int(np.bitwise_count(a | b).sum()) or 1)


def _searched(ready: Prepared, slice_: Mapping[str, Any], alpha: float) -> dict[str, float]:
    """A slice on the rows searched; NaN where it holds nobody."""
    seen = ~ready.held_out
    own = slice_rows(ready.levels, slice_) & seen
    weight = np.ones(len(own)) if ready.weight is None else ready.weight
    errors, size, n = ready.errors, float(weight[own].sum()), float(weight[seen].sum())
    if size == 0:
        return {"n": int(own.sum()), "share": 0.0, "mean_error": np.nan, "max_error": np.nan, "score": np.nan}
    mean, whole = (
        float(np.average(errors[own], weights=weight[own])),
        float(np.average(errors[seen], weights=weight[seen])),
    )
    score = slice_score(mean, size, whole=whole, n=n, alpha=alpha)
    return {
        "n": int(own.sum()),
        "share": size / n,
        "mean_error": mean,
        "max_error": float(errors[own].max()),
        "score": score,
    }


def slice_words(slice_: Mapping[str, Any], quantities: frozenset[str] | set[str]) -> str:
    """A slice in words: "age 18–21 and race = African-American"."""
    parts = []
    for name, value in slice_.items():
        level = " or ".join(str(one) for one in _as_list(value))
        is_bin = name in quantities and not level.startswith("(")
        parts.append(f"{name} {level}" if is_bin else f"{name} = {level}")
    return " and ".join(parts)
