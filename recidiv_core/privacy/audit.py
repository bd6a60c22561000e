"""Whom a synthetic copy gives away: distances to the real records it was made from, beside those to records it never
saw.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from recidiv_core.data import MISSING_GROUP, as_groups, shown
from recidiv_core.errors import InputError, Problem
from recidiv_core.plain import plain
from recidiv_core.privacy.distances import Progress, nearest_records
from recidiv_core.privacy.schema import Schema, schema_of, spelled
from recidiv_core.stats import wilson

FEWEST = 50
_MOST_NUMBERS = 10
_BINS = 40
_ANOTHER = "(another value)"
_FEWEST_OF_GROUP = 30
_SEPARATE, _SHARED = (
    0.1,
    0.1,
)  # where fewer than the first of separate people are alike, more than the second who are cannot be separate
LEAKS, NO_SIGN, FARTHER, TOO_FEW, CANNOT = (
    "given away",
    "no sign of it",
    "farther from train",
    "too few to say",
    "cannot be judged",
)


@dataclass(frozen=True, eq=False)
class PrivacyAudit:
    """How near the synthetic records are to the training records, and how near records are that have nothing to do with
    them.

    Attributes
    ----------
    distances : dict of str -> ndarray
        ``synthetic_train`` (n, 2), ``synthetic_holdout`` (n, 2) and ``holdout_train`` (m, 2): each record's distances
        to its two nearest.
    summary : dict
        R's distance to the nearest training record (``dcr_mean``, ``dcr_sd``), its 5th percentile, exact copies, the
        ratio of nearest to second nearest (``nndr``), each with the same of the holdout as ``baseline_…``; and the
        share of synthetic records nearer to train than to an equal number of holdout records, ties ½, with bounds;
        ``n_train_matched`` and ``n_holdout_matched`` of those records have an exact copy; and ``verdict``: given away
        where the share lies above ½, or more training than holdout records are copied, beyond chance.
    by_group : DataFrame
        The same for the synthetic records of each group of each attribute, beside the holdout's of that group; bounds
        of all groups of an attribute together (Bonferroni).
    notes : what has to be known beside it; where nothing can be judged the first says why.
    uncompared : a sentence for each column that is no place but a name: what of the real one's values the copy holds.
    """

    distances: dict[str, np.ndarray] = field(repr=False)
    summary: dict[str, Any]
    by_group: pd.DataFrame
    notes: tuple[str, ...]
    uncompared: tuple[str, ...]
    schema: Schema = field(repr=False)
    options: dict[str, Any]

    @property
    def verdict(self) -> str:
        """Of the whole copy: given away already where one group is."""
        verdict = self.summary["verdict"]
        is_group = self.worst is not None or self.options.get("is_withheld_given_away", False)
        return LEAKS if verdict != CANNOT and is_group else verdict

    @property
    def worst(self) -> pd.Series | None:
        """The group that is given away most: of those whose records are nearer to train, beyond chance, the one with
        the largest share; else None.
        """
        if self.by_group.empty:
            return None
        found = self.by_group[self.by_group["verdict"] == LEAKS]
        return None if found.empty else found.sort_values(["nearer_to_train", "copies", "low"]).iloc[-1]

    @property
    def too_few(self) -> list[str]:
        """Groups of which too few records are there to say anything."""
        if self.by_group.empty:
            return []
        found = self.by_group[self.by_group["verdict"] == TOO_FEW]
        return [
            f"{r.attribute} = {r.group} ({r.n:,} records"
            + (f", {100 * r.copies:.0f} % of them exact copies)" if r.copies else ")")
            for r in found.itertuples()
        ]

    @property
    def histogram(self) -> pd.DataFrame:
        """Shares of records by the distance to the nearest: series (a key of ``distances``), from, to, share, n.

        The last bin holds all beyond the 99th percentile.
        """
        nearest = {name: own[:, 0] for name, own in self.distances.items()}
        end = max(float(np.quantile(own, 0.99)) for own in nearest.values()) or 1.0
        edges = np.linspace(0, end, _BINS + 1)
        counts = {name: np.histogram(np.minimum(own, end), edges)[0] for name, own in nearest.items()}
        return pd.concat(
            [
                pd.DataFrame({"series": name, "from": edges[:-1], "to": edges[1:], "share": own / own.sum(), "n": own})
                for name, own in counts.items()
            ],
            ignore_index=True,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; no record's distance among them."""
        return plain(
            {
                "summary": self.summary,
                "by_group": self.by_group,
                "notes": self.notes,
                "uncompared": self.uncompared,
                "columns": self.schema.columns,
                "left_out": dict(self.schema.left_out),
                "options": self.options,
            }
        )


def audit_privacy(
    real_train: pd.DataFrame,
    synthetic: pd.DataFrame,
    *,
    holdout: pd.DataFrame,
    sensitive: Sequence[str] = (),
    columns: Sequence[str] | None = None,
    random_state: int = 0,
    confidence_level: float = 0.95,
    progress: Progress = None,
) -> PrivacyAudit:
    """Compare synthetic records with the real ones they were made from and with real ones they were not made from.

    ``holdout`` are real records that the synthesizer did not see. If the copy gave nobody away its records would be as
    near to one as to the other: whether a synthetic record's nearest neighbour is of train or of the holdout would be a
    coin. The interval is about other draws of the two tables: synthetic records with the same nearest one say the same.

    Raises
    ------
    InputError
        For columns that the tables do not share, fewer than 50 rows in any of them, or a protected attribute that is
        not there.
    """
    if not 0.5 < confidence_level < 1:
        raise InputError.one("confidence_level", "a number between 0.5 and 1", f"{confidence_level}")
    tables = {"real_train": real_train, "synthetic": synthetic, "holdout": holdout}
    schema = _schema(tables, columns, sensitive)
    n = min(len(real_train), len(holdout))
    random = np.random.default_rng(random_state)
    part = [np.sort(random.choice(len(t), n, replace=False)) for t in (real_train, holdout)]

    def near(queries: pd.DataFrame, reference: pd.DataFrame, share: float) -> tuple[np.ndarray, np.ndarray]:
        own = None if progress is None else lambda done, text: progress(share + done / 4, text)
        return nearest_records(queries, reference, schema=schema, progress=own)

    whole, at = near(synthetic, real_train, 0.0)
    baseline, _ = near(holdout, real_train, 0.25)
    to_train, train_at = (whole, at) if n == len(real_train) else near(synthetic, real_train.iloc[part[0]], 0.5)
    to_holdout, holdout_at = near(synthetic, holdout.iloc[part[1]], 0.75)
    votes = np.where(to_train[:, 0] == to_holdout[:, 0], 0.5, (to_train[:, 0] < to_holdout[:, 0]).astype(float))
    judged = _Votes(
        votes=votes,
        train_at=train_at[:, 0],
        holdout_at=holdout_at[:, 0],
        is_of_train=to_train[:, 0] == 0,
        is_of_holdout=to_holdout[:, 0] == 0,
        n=n,
    )
    doubt = _doubt(schema.points(real_train), baseline, to_holdout)
    everybody = np.ones(len(synthetic), bool)
    measured = _measured(whole, baseline, judged, everybody, confidence_level, is_judged=doubt is None)
    return PrivacyAudit(
        distances={"synthetic_train": whole, "synthetic_holdout": to_holdout, "holdout_train": baseline},
        summary=measured,
        by_group=_by_group(tables, sensitive, whole, baseline, judged, confidence_level, is_judged=doubt is None),
        notes=(*([] if doubt is None else [doubt]), *_notes(tables, schema, baseline)),
        uncompared=tuple(_uncompared(tables, schema)),
        schema=schema,
        options={
            "n_train": len(real_train),
            "n_holdout": len(holdout),
            "n_synthetic": len(synthetic),
            "n_compared": n,
            "random_state": int(random_state),
            "confidence_level": confidence_level,
        },
    )


def audit_alone(
    real: pd.DataFrame, synthetic: pd.DataFrame, *, columns: Sequence[str] | None = None, progress: Progress = None
) -> dict[str, float]:
    """What can be said without a holdout, which is no verdict: the distances of the copy, and ``baseline_…`` of each
    real record to the others.
    """
    tables = {"real_train": real, "synthetic": synthetic}
    schema = _schema(tables, columns, ())
    own, _ = nearest_records(synthetic, real, schema=schema, progress=progress)
    others, _ = nearest_records(real, real, schema=schema, k=3, progress=progress)
    # Each is its own nearest, at 0, and goes: with it, or with one of its doubles, the other distances stay the same.
    others = others[:, 1:]
    return {"n": float(len(synthetic)), **_near(own), **{f"baseline_{k}": v for k, v in _near(others).items()}}


def nearest_pairs(
    real_train: pd.DataFrame,
    synthetic: pd.DataFrame,
    audit: PrivacyAudit,
    *,
    n: int = 10,
    columns: Sequence[str] | None = None,
) -> pd.DataFrame:
    """The ``n`` synthetic records nearest to a training record, each with that record below it: these are people.

    Columns: pair, distance, whose ("synthetic", "real"), then the tables' own.
    """
    first = np.argsort(audit.distances["synthetic_train"][:, 0], kind="stable")[:n]
    own = synthetic.iloc[first]
    distance, position = nearest_records(own, real_train, schema=audit.schema, k=1)
    names = list(audit.schema.columns if columns is None else columns)
    parts = []
    for i in range(len(own)):
        both = pd.concat(
            [own.iloc[[i]][names].astype(object), real_train.iloc[position[i]][names].astype(object)], ignore_index=True
        )
        both.insert(0, "whose", ["synthetic", "real"])
        both.insert(0, "distance", distance[i, 0])
        both.insert(0, "pair", i + 1)
        parts.append(both)
    return pd.concat(parts, ignore_index=True)


def _schema(tables: dict[str, pd.DataFrame], columns: Sequence[str] | None, sensitive: Sequence[str]) -> Schema:
    problems = [
        Problem(title, f"at least {FEWEST} rows", f"{len(frame):,}")
        for title, frame in tables.items()
        if len(frame) < FEWEST
    ]
    real = tables["real_train"]
    names = list(real.columns if columns is None else columns)
    for title, frame in tables.items():
        problems += [
            Problem(f"{title}, column {shown(n)}", "a column of every table", "no such column")
            for n in names
            if n not in frame
        ]
        problems += [
            Problem(f"{title}, attribute {shown(n)}", "a column of every table", "no such column")
            for n in sensitive
            if n not in frame and n not in names
        ]
        if columns is None and (more := [n for n in frame if n not in real]):
            problems.append(
                Problem(title, "the columns of the real table", f"{len(more)} more, such as {shown(more[0])}")
            )
    if problems:
        raise InputError(problems)
    schema = schema_of(real, columns=names)
    for title, frame in tables.items():
        problems += [
            Problem(f"{title}, column {shown(n)}", "numbers, as in the real table", f"{number:,} values that are none")
            for n, number in schema.unreadable(frame).items()
        ]
    if problems:
        raise InputError(problems)
    return schema


@dataclass(frozen=True, eq=False)
class _Votes:
    """For each synthetic record 1 where train is nearer, 0 where the holdout is, ½ for a tie, its nearest record in
    each (of n), and whether it is a copy.
    """

    votes: np.ndarray
    train_at: np.ndarray
    holdout_at: np.ndarray
    is_of_train: np.ndarray
    is_of_holdout: np.ndarray
    n: int

    def matched(self, own: np.ndarray) -> tuple[int, int]:
        """How many records of train and of the holdout have an exact copy among ``own``."""
        return tuple(
            len(np.unique(at[own & of]))
            for at, of in ((self.train_at, self.is_of_train), (self.holdout_at, self.is_of_holdout))
        )

    def bounds(self, own: np.ndarray, confidence_level: float) -> tuple[float, float]:
        """Wilson's bounds of the share of ``own``, where train and holdout are the samples, and synthetic records what
        is counted at them.

        The share is T / (T + H) with T and H sums over the n records of each table of how many synthetic ones have it
        as the nearest of all, of ties one half; its variance is the ratio's by the delta method. A tie says the same
        whatever is drawn, and varies nothing. Taking synthetic records as independent, intervals would be far too
        narrow.
        """
        votes = self.votes[own]
        counts = [
            np.bincount(at[own], weights=weight, minlength=self.n)
            for at, weight in ((self.train_at, votes == 1), (self.holdout_at, votes == 0))
        ]
        total, share = len(votes), float(votes.mean())
        var_train, var_holdout = (self.n * c.var(ddof=1) for c in counts)
        variance = ((1 - share) ** 2 * var_train + share**2 * var_holdout) / total**2
        # Where all are nearer to one table only the number of its records that are nearest to any tells how much was
        # seen.
        effective = (
            min(share * (1 - share) / variance, total) if variance > 0 else sum(int((c > 0).sum()) for c in counts)
        )
        low, high = wilson(share, effective, confidence_level=confidence_level)
        return float(low), float(high)


def _measured(
    distances: np.ndarray,
    baseline: np.ndarray,
    judged: _Votes,
    own: np.ndarray,
    confidence_level: float,
    *,
    is_judged: bool,
) -> dict[str, Any]:
    from scipy.stats import binom

    low, high = judged.bounds(own, confidence_level)
    of_train, of_holdout = judged.matched(own)
    # Were the tables alike to the copy, a copied record would be of one or the other as a coin falls.
    by_chance = float(binom.sf(of_train - 1, of_train + of_holdout, 0.5))
    verdict = LEAKS if low > 0.5 or by_chance < (1 - confidence_level) / 2 else FARTHER if high < 0.5 else NO_SIGN
    if not is_judged:
        verdict = CANNOT
    elif verdict != LEAKS and own.sum() < _FEWEST_OF_GROUP:
        verdict = TOO_FEW
    beside = _near(baseline) if len(baseline) else dict.fromkeys(_near(distances[:1]), float("nan"))
    return {
        "n": int(own.sum()),
        **_near(distances[own]),
        **{f"baseline_{k}": v for k, v in beside.items()},
        "nearer_to_train": float(judged.votes[own].mean()),
        "low": low,
        "high": high,
        "verdict": verdict,
        "n_train_matched": of_train,
        "n_holdout_matched": of_holdout,
    }


def overlap(train: pd.DataFrame, holdout: pd.DataFrame) -> str | None:
    """Whether the holdout shares people with train, as far as exact copies can tell: more are alike than separate
    people are. In words, or None.
    """
    schema = schema_of(train)
    return _doubt(schema.points(train), nearest_records(holdout, train, schema=schema, k=1)[0], np.ones((1, 1)))


def _doubt(train: np.ndarray, baseline: np.ndarray, to_holdout: np.ndarray) -> str | None:
    """Why the holdout is none: it shares people with train, or the copy was made from it too, as far as exact copies
    can tell.
    """
    doubled = pd.DataFrame(train).duplicated(keep=False).to_numpy()
    _, usual = wilson(doubled.mean(), len(doubled))
    same = baseline[:, 0] == 0
    low, _ = wilson(same.mean(), len(same))
    if low > usual:
        return (
            f"{same.sum():,} of {len(same):,} holdout records are also in train, in every column compared; of the "
            f"records of train {100 * doubled.mean():.1f} % are alike to another. They are the same people, and "
            "the holdout is none: it must be people that the copy was not made from."
        )
    copied = to_holdout[:, 0] == 0
    low, _ = wilson(copied.mean(), len(copied))
    if usual < _SEPARATE and low > _SHARED:
        return (
            f"{copied.sum():,} records of the copy are exact copies of holdout records: it was made from them too, and "
            "the holdout is none."
        )
    return None


def _near(distances: np.ndarray) -> dict[str, float]:
    """R's mean and SD (its section 4), the 5th percentile, the share at 0, and the mean ratio of nearest to second
    nearest (0/0 is 1).
    """
    first, second = distances.T
    ratio = np.divide(first, second, out=np.ones(len(first)), where=second > 0)
    return {
        "dcr_mean": float(first.mean()),
        "dcr_sd": float(first.std(ddof=1)) if len(first) > 1 else float("nan"),
        "dcr_5": float(np.quantile(first, 0.05)),
        "copies": float((first == 0).mean()),
        "nndr": float(ratio.mean()),
    }


def _groups(real: pd.Series, own: pd.Series) -> np.ndarray:
    """The group of each record, by the names that the real table gives; numbers of many values in the quarters of
    the real ones.
    """
    if not pd.api.types.is_numeric_dtype(real) or pd.api.types.is_bool_dtype(real) or real.nunique() <= _MOST_NUMBERS:
        names = dict(zip(spelled(real), as_groups(real), strict=True))
        return spelled(own).map(names).fillna(_ANOTHER).to_numpy(dtype=object)
    known = real.to_numpy(dtype=float, na_value=np.nan)
    edges = np.unique(np.quantile(known[np.isfinite(known)], [0.25, 0.5, 0.75]))
    names = [
        f"under {edges[0]:.10g}",
        *(f"{a:.10g} to under {b:.10g}" for a, b in pairwise(edges)),
        f"{edges[-1]:.10g} and over",
    ]
    values = pd.to_numeric(own, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    return np.where(
        np.isfinite(values), np.array(names, dtype=object)[np.searchsorted(edges, values, side="right")], MISSING_GROUP
    )


def _by_group(
    tables: dict[str, pd.DataFrame],
    sensitive: Sequence[str],
    distances: np.ndarray,
    baseline: np.ndarray,
    judged: _Votes,
    confidence_level: float,
    *,
    is_judged: bool,
) -> pd.DataFrame:
    rows = []
    for attribute in sensitive:
        real = tables["real_train"][attribute]
        people, groups, others = (
            _groups(real, tables[title][attribute]) for title in ("real_train", "synthetic", "holdout")
        )
        levels = sorted(set(groups))
        each = 1 - (1 - confidence_level) / len(levels)
        for level in levels:
            own = _measured(distances, baseline[others == level], judged, groups == level, each, is_judged=is_judged)
            counts = {"n_train": int((people == level).sum()), "n_holdout": int((others == level).sum())}
            rows.append({"attribute": attribute, "group": level} | own | counts)
    return pd.DataFrame(rows)


def _notes(tables: dict[str, pd.DataFrame], schema: Schema, baseline: np.ndarray) -> list[str]:
    found = []
    sizes = [len(tables[title]) for title in ("real_train", "holdout")]
    if max(sizes) > 1.05 * min(sizes):
        found.append(
            f"Train has {sizes[0]:,} and the holdout {sizes[1]:,} records; {min(sizes):,} of each are compared for "
            "the share. A copy of a record that is not among them counts ½ there: distances and exact copies, "
            "which are of all of them, say more."
        )
    if n_same := int((baseline[:, 0] == 0).sum()):
        found.append(f"{n_same:,} holdout records are alike to one of train in every column compared.")
    for name, levels in schema.categories.items():
        unseen = {t: len(set(spelled(tables[t][name])) - set(levels)) for t in ("synthetic", "holdout")}
        found += [
            f"{shown(name)}: {number:,} values of the {title} table are not in train."
            for title, number in unseen.items()
            if number
        ]
    constant = [name for name, (low, high) in schema.numbers.items() if low == high] + [
        name for name, levels in schema.categories.items() if len(levels) == 1
    ]
    if constant:
        found.append(f"The same value in every training record: {', '.join(map(shown, constant))}.")
    return found


def _uncompared(tables: dict[str, pd.DataFrame], schema: Schema) -> list[str]:
    found = []
    for name, reason in schema.left_out.items():
        real, made = (as_groups(tables[title][name].dropna()) for title in ("real_train", "synthetic"))
        share = made.isin(set(real)).mean() if len(made) else 0.0
        found.append(
            f"{shown(name)} is not compared ({reason}); {100 * share:.0f} % of the copy's values are real ones. "
            "Where it names people or places, take it out of the copy."
        )
    return found
