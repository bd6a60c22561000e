"""A synthetic copy of a table, and the card that says how it was made."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from recidiv_core.data import AuditDataset, csv_bytes, shown
from recidiv_core.errors import InputError, Problem
from recidiv_core.models import balanced, usable_features
from recidiv_core.options import LARGEST_SEED, as_found, is_number, is_seed
from recidiv_core.plain import plain
from recidiv_core.privacy.coding import Coding, coding_of, filled
from recidiv_core.privacy.copula import MARGINALS, PEOPLE, GaussianCopula
from recidiv_core.privacy.distances import Progress
from recidiv_core.privacy.resample import smote
from recidiv_core.privacy.schema import MAX_LEVELS
from recidiv_core.version import __version__

FEWEST = 50
_ROUNDS = 60
_MOST = 2.0**53  # beyond it whole numbers are no longer told apart
Draw = Callable[[int, np.random.Generator], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Method:
    """A way to make a copy.

    ``options`` are its own, with what each starts from; ``is_drawn``: every row is made, none is a real one.
    """

    name: str
    title: str
    how: str
    options: dict[str, Any] = field(default_factory=dict)
    is_drawn: bool = True
    ratio: float | None = None


METHODS = {
    method.name: method
    for method in (
        Method(
            name="undersample",
            title="Under-sampled",
            how="Real rows: those of the more common outcome thinned at random. Every row is a real person's.",
            options={},
            is_drawn=False,
            ratio=0.5,
        ),
        Method(
            name="smote",
            title="SMOTE",
            how="The real rows, and further ones of the rarer outcome between each and one of its five nearest. Most "
            "rows are real people's.",
            options={},
            is_drawn=False,
            ratio=0.5,
        ),
        Method(
            "copula",
            "Gaussian copula",
            "Every row drawn: each column by its own distribution, together by one matrix of correlations. Of "
            "numbers none lies beyond the ten lowest or highest; levels stay, also rare ones.",
            {"marginals": "quantiles"},
        ),
        Method(
            "ctgan",
            "CTGAN",
            "Every row drawn by a network that was trained until another could hardly tell its rows from real "
            "ones. Of numbers none lies beyond the ten lowest or highest; levels stay, also rare ones.",
            {"epochs": 150, "batch_rows": 500},
        ),
    )
}


@dataclass(frozen=True, eq=False)
class SyntheticTable:
    """``frame`` has the columns, types and levels of the real table; ``card`` says how it was made, from what, and
    what was left out.
    """

    frame: pd.DataFrame
    card: dict[str, Any]

    @property
    def title(self) -> str:
        """The method, and the share of the rarer outcome where it was asked for."""
        ratio = self.card["ratio"]
        return self.card["title"] + ("" if ratio is None else f" {100 * ratio:.0f}:{100 - 100 * ratio:.0f}")

    def csv(self) -> bytes:
        """The table as CSV."""
        return csv_bytes(self.frame)

    def parquet(self) -> bytes:
        """The table as Parquet, which keeps every type."""
        made = io.BytesIO()
        mixed = [name for name in self.frame if self.frame[name].dtype == object]
        self.frame.astype(dict.fromkeys(mixed, "str")).to_parquet(made, index=False)
        return made.getvalue()

    def archive(self) -> bytes:
        """A zip file of copy.csv, copy.parquet and card.json."""
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("copy.csv", self.csv())
            archive.writestr("copy.parquet", self.parquet())
            archive.writestr("card.json", json.dumps(self.card, ensure_ascii=False, indent=1, allow_nan=False))
        return made.getvalue()


def synthesize(
    dataset: AuditDataset,
    *,
    method: str,
    ratio: float | None = None,
    n_rows: int | None = None,
    columns: Sequence[str] | None = None,
    random_state: int = 0,
    progress: Progress = None,
    **options: Any,
) -> SyntheticTable:
    """Make a synthetic copy of a dataset.

    Parameters
    ----------
    dataset : AuditDataset
        The training part: rows that the copy must not be judged with.
    method : one of ``METHODS``
    ratio : float, optional
        The share of the rarer outcome, above 0 and at most 0.5; 0.5 for "undersample" and "smote", else as in the
        table.
    n_rows : int, optional
        As many as the table has; not for "undersample" and "smote", whose numbers follow from the ratio.
    columns : columns besides the outcome, default the protected attributes and what a model may take
        Ids, dates and free texts are never copied.
    options : ``epochs`` and ``batch_rows`` for "ctgan", ``marginals`` ("quantiles" or "beta") for "copula"

    Raises
    ------
    InputError
        With every problem found.
    """
    if not is_seed(random_state):
        raise InputError.one("random_state", f"a whole number from 0 to {LARGEST_SEED}", "something else")
    chosen, own = _checked(dataset, method, ratio, n_rows, options)
    ratio = chosen.ratio if ratio is None else ratio
    names, left_out = copied_columns(dataset, columns)
    frame = dataset.frame[names].reset_index(drop=True)
    coding = coding_of(frame, discrete=[dataset.roles.label], people=PEOPLE if chosen.is_drawn else 1)
    outcome = [c.name for c in coding.levels].index(dataset.roles.label)
    numbers, codes = coding.encode(frame)
    random = np.random.default_rng([random_state, 1])
    if method == "undersample":
        copy = frame.iloc[balanced(np.arange(len(frame)), dataset.y_true, ratio, random_state)].reset_index(drop=True)
    elif method == "smote":
        made = smote(filled(numbers, random), codes, outcome=outcome, ratio=ratio, random_state=random_state)
        copy = pd.concat([frame, coding.decode(*made)], ignore_index=True)
    else:
        draw = _fitted(method, numbers, codes, coding, outcome, own, random_state, progress)
        copy = coding.decode(
            *_drawn(draw, len(frame) if n_rows is None else n_rows, codes[:, outcome], outcome, ratio, random)
        )
    card = plain(
        {
            "recidiv": __version__,
            "method": method,
            "title": chosen.title,
            "how": chosen.how,
            "options": own,
            "ratio": ratio,
            "random_state": random_state,
            "n": len(copy),
            "columns": names,
            "left_out": left_out,
            "outcome": dataset.roles.label,
            "data": {"name": dataset.name, "sha256": dataset.sha256, "digest": dataset.digest, "n": len(dataset)},
        }
    )
    return SyntheticTable(copy, card)


def copied_columns(dataset: AuditDataset, columns: Sequence[str] | None = None) -> tuple[list[str], dict[str, str]]:
    """The columns of a copy, in the table's order, and what is left out with the reason."""
    sensitive, label = dataset.roles.sensitive, dataset.roles.label
    if columns is None:
        used, left_out = usable_features(dataset)
        chosen = {feature.name for feature in used}
        left_out = {name: reason for name, reason in left_out.items() if name not in sensitive}
    else:
        if problems := [
            Problem(f"column {shown(name)}", "a column of the table that holds no id", "none")
            for name in columns
            if name not in dataset.frame or name == dataset.roles.id
        ]:
            raise InputError(problems)
        chosen, left_out = set(columns), {}
    chosen |= {label, *sensitive}
    for name in sorted(chosen - {label}):
        column = dataset.frame[name]
        is_number = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
        if pd.api.types.is_datetime64_any_dtype(column) or pd.api.types.is_timedelta64_dtype(column):
            left_out[name] = "a date"
        elif not is_number and column.nunique() > MAX_LEVELS:
            left_out[name] = f"{column.nunique():,} different texts, more than {MAX_LEVELS}"
        elif column.notna().sum() == 0:
            left_out[name] = "no values at all"
        elif is_number and column.astype(float).abs().replace(np.inf, np.nan).max() > _MOST:
            left_out[name] = f"numbers beyond {_MOST:.0e}: names, or none at all"
    names = [name for name in dataset.frame if name in chosen and name not in left_out]
    if len(names) < 2:
        raise InputError.one("columns", "at least one besides the outcome", "none")
    return names, left_out


def _checked(
    dataset: AuditDataset, method: str, ratio: float | None, n_rows: int | None, options: dict[str, Any]
) -> tuple[Method, dict[str, Any]]:
    if method not in METHODS:
        raise InputError.one("method", f"one of {', '.join(METHODS)}", shown(method, 40))
    chosen, problems = METHODS[method], []
    if len(dataset) < FEWEST:
        problems.append(Problem("table", f"at least {FEWEST} rows", f"{len(dataset)}"))
    if ratio is not None and not 0 < ratio <= 0.5:
        problems.append(Problem("ratio", "a share of the rarer outcome above 0 and at most 0.5", as_found(ratio)))
    if n_rows is not None and (not chosen.is_drawn or not is_number(n_rows, 1, 5_000_000, whole=True)):
        expected = "1 to 5,000,000" if chosen.is_drawn else f"nothing: with {chosen.title} it follows from the ratio"
        problems.append(Problem("n_rows", expected, as_found(n_rows)))
    rare = min(dataset.base_rate, 1 - dataset.base_rate)
    if not chosen.is_drawn and rare >= (chosen.ratio if ratio is None else ratio):
        problems.append(
            Problem(
                "ratio",
                f"more than the {100 * rare:.1f} % that the rarer outcome has already",
                f"{100 * (ratio or chosen.ratio):g} %",
            )
        )
    own = chosen.options | options
    problems += [
        Problem(
            f"option {shown(name)}", f"one that {chosen.title} has: {', '.join(chosen.options) or 'none'}", "another"
        )
        for name in options
        if name not in chosen.options
    ]
    for name, least in (("epochs", 1), ("batch_rows", 10)):
        if name in own and not (isinstance(own[name], int) and own[name] >= least):
            problems.append(Problem(name, f"a whole number of at least {least}", f"{own[name]}"))
    if own.get("marginals", "beta") not in MARGINALS:
        problems.append(Problem("marginals", f"one of {', '.join(MARGINALS)}", "another"))
    if problems:
        raise InputError(problems)
    return chosen, own


def _fitted(
    method: str,
    numbers: np.ndarray,
    codes: np.ndarray,
    coding: Coding,
    outcome: int,
    options: dict[str, Any],
    random_state: int,
    progress: Progress,
) -> Draw:
    if method == "copula":
        return GaussianCopula(numbers, codes, coding, outcome=outcome, **options).draw
    from recidiv_core.privacy.ctgan import CTGAN

    numbers = filled(numbers, np.random.default_rng(random_state))
    return CTGAN(numbers, codes, coding.sizes, random_state=random_state, progress=progress, **options).draw


def _drawn(
    draw: Draw, n: int, real: np.ndarray, outcome: int, ratio: float | None, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """``n`` rows; with a ratio as many of each outcome as it says, the others drawn anew."""
    if ratio is None:
        return draw(n, random)
    rare = int(np.bincount(real, minlength=2).argmin())
    wanted = {rare: round(n * ratio), 1 - rare: n - round(n * ratio)}
    kept: list[tuple[np.ndarray, np.ndarray]] = []
    for _ in range(_ROUNDS):
        numbers, codes = draw(max(n, 1_000), random)
        for value in wanted:
            own = np.flatnonzero(codes[:, outcome] == value)[: wanted[value]]
            wanted[value] -= len(own)
            kept.append((numbers[own], codes[own]))
        if not any(wanted.values()):
            made = [np.concatenate(parts) for parts in zip(*kept, strict=True)]
            order = random.permutation(n)
            return made[0][order], made[1][order]
    raise InputError.one("ratio", "a share that the copy can reach", "too few rows of one outcome come out")
