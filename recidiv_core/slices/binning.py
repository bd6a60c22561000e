"""Columns as a few levels each: numbers cut by OptBinning against the label, names kept, rare ones pooled."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from recidiv_core.data import MISSING_GROUP, as_groups, shown
from recidiv_core.errors import InputError, Problem
from recidiv_core.slices.find import default_support
from recidiv_core.stats import wilson

OTHER, PRESENT = "(rare values)", "(any value)"
NO_CUT = "no cut-point found"
TRENDS = ("ascending", "descending", "concave", "convex", "peak", "valley", "auto")
MAX_BINS = 50
Progress = Callable[[float, str], None] | None


@dataclass(frozen=True, eq=False)
class _Rule:
    """How one column becomes levels: numbers by ``cuts``; names by themselves, those that are no level being pooled."""

    levels: tuple[str, ...]
    cuts: tuple[float, ...] | None
    special: tuple[float, ...]
    limits: tuple[float, float] = (-np.inf, np.inf)

    def codes(self, column: pd.Series) -> np.ndarray:
        """Positions in ``levels``."""
        place = {level: i for i, level in enumerate(self.levels)}
        if self.cuts is None:
            names = pd.Categorical(_names(column))
            other = place.get(OTHER, place.get(PRESENT, -1))
            own = [place.get(name, -1 if name == MISSING_GROUP else other) for name in names.categories]
            return np.array(own, int)[names.codes]
        values = column.to_numpy(float, na_value=np.nan)
        codes = np.searchsorted(self.cuts, values, side="right")
        codes[(values < self.limits[0]) | (values > self.limits[1])] = -1  # beyond a level that names one number
        codes[np.isnan(values)] = place.get(MISSING_GROUP, -1)
        for code in self.special:
            codes[values == code] = place[_special(code)]
        return codes


@dataclass(frozen=True, eq=False)
class BinnedFrame:
    """A table as levels.

    Attributes
    ----------
    frame : DataFrame of ordered categories, shape (n, columns binned)
        A name that was not there when the bins were made is one of the rare values, and missing where there are none.
    cutpoints : dict of column -> tuple of float
        Of the numeric columns that were cut; a value equal to a cut-point opens the next bin.
    table : DataFrame
        column, level, n, share, n_events, event_rate, low, high (Wilson, 95 %): what each level holds.
    left_out : dict of column -> reason
    """

    frame: pd.DataFrame
    cutpoints: dict[str, tuple[float, ...]]
    table: pd.DataFrame
    left_out: dict[str, str]
    _rules: dict[str, _Rule]

    def apply(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Other rows by the same bins."""
        return pd.DataFrame(
            {
                name: pd.Categorical.from_codes(rule.codes(frame[name]), categories=list(rule.levels), ordered=True)
                for name, rule in self._rules.items()
            },
            index=frame.index,
        )


def bin_features(
    frame: pd.DataFrame,
    *,
    label: str,
    max_bins: int = 8,
    min_bin_size: float = 0.05,
    monotonic: str | Mapping[str, str] | None = None,
    cutpoints: Mapping[str, Sequence[float]] | None = None,
    special: Mapping[str, Sequence[float]] | None = None,
    progress: Progress = None,
) -> BinnedFrame:
    """Bin every column but ``label``.

    A numeric column with more than ``max_bins`` values is cut where OptBinning (Navas-Palencia 2020) finds the bins
    that tell most about the label; the cut-points are rounded to what can be read, and what is shown is what is used.
    Other columns keep their values as levels, categories their order; other names with fewer rows than a slice needs
    (32, and 1 %) are pooled into "(rare values)". Missing is a level of its own.

    Parameters
    ----------
    frame : DataFrame, shape (n, columns)
    label : str
        A column of two values, the higher of which is the event.
    max_bins : int
        2 to 50.
    min_bin_size : float
        The least share of rows in a bin that is found, up to 0.5.
    monotonic : str or mapping of column -> str, optional
        A trend of the event rate over the bins, one of ``TRENDS``.
    cutpoints : mapping of column -> ascending numbers, optional
        In place of those found.
    special : mapping of column -> numbers, optional
        Codes that are no quantities (−9 for "refused"): each is a level of its own.

    Raises
    ------
    InputError
        With every option out of range, or a label without two values.
    """
    if not frame.columns.is_unique:
        raise InputError.one("columns", "different names", "one name twice")
    trends = monotonic if isinstance(monotonic, Mapping) else dict.fromkeys(frame.columns, monotonic)
    given, codes = dict(cutpoints or {}), dict(special or {})
    y = _checked(frame, label, max_bins, min_bin_size, trends, given, codes)
    columns = [name for name in frame.columns if name != label]
    rules, left_out, cuts = {}, {}, {}
    for position, name in enumerate(columns):
        if progress is not None:
            progress(position / len(columns), f"Binning {name}")
        column, own = frame[name], tuple(dict.fromkeys(float(code) for code in codes.get(name, ())))
        if reason := _unusable(column):
            left_out[name] = reason
        elif _is_quantity(column, max_bins) or name in given or own:
            found = given.get(name)
            if found is None:
                found = _found_cuts(column, y, own, max_bins, min_bin_size, trends.get(name))
            rules[name] = _numeric_rule(column, [float(cut) for cut in found], own)
            cuts[name] = rules[name].cuts
        else:
            rules[name] = _named_rule(column)
        if name in rules and len(rules[name].levels) < 2:
            left_out[name] = "one value, or all of them rare" if name not in cuts else NO_CUT
            del rules[name]
            cuts.pop(name, None)
    empty = BinnedFrame(pd.DataFrame(index=frame.index), cuts, pd.DataFrame(), left_out, rules)
    binned = empty.apply(frame)
    return BinnedFrame(binned, cuts, _table(binned, y), left_out, rules)


def _checked(
    frame: pd.DataFrame, label: str, max_bins: int, min_bin_size: float, trends: Any, cuts: Any, special: Any
) -> np.ndarray:
    """The label as booleans; raises with every problem."""
    problems = []
    if not isinstance(max_bins, int) or not 2 <= max_bins <= MAX_BINS:
        problems.append(Problem("max_bins", f"a whole number from 2 to {MAX_BINS}", "something else"))
    if not 0 < min_bin_size <= 0.5:
        problems.append(Problem("min_bin_size", "a share above 0 and up to 0.5", "something else"))
    for name in {*cuts, *special, *trends} - set(frame.columns):
        problems.append(Problem(f"bins of {name}", "a column of the table", "no such column"))
    if any(trend not in (None, *TRENDS) for trend in trends.values()):
        problems.append(Problem("monotonic", " or ".join(TRENDS), "something else"))
    for name in {*cuts, *special} & set(frame.columns):
        values = np.asarray(list(cuts.get(name, ())), float)
        if not pd.api.types.is_numeric_dtype(frame[name]) or pd.api.types.is_bool_dtype(frame[name]):
            problems.append(Problem(f"bins of {name}", "a numeric column", "names"))
        elif (
            not np.isfinite([*values, *special.get(name, ())]).all()
            or (np.diff(values) <= 0).any()
            or len(values) >= MAX_BINS
        ):
            problems.append(
                Problem(
                    f"cut-points of {name}",
                    f"fewer than {MAX_BINS} finite numbers in ascending order, and finite codes",
                    "otherwise",
                )
            )
    y = np.zeros(len(frame), bool)
    if label not in frame:
        problems.append(Problem("label", "a column of the table", "no such column"))
    else:
        values = list(frame[label].dropna().unique())
        if len(values) != 2 or len({type(value) for value in values}) > 1 or frame[label].isna().any():
            problems.append(Problem(f"label {shown(label)}", "two values of one kind, none missing", f"{len(values)}"))
        else:
            y = (frame[label] == max(values)).to_numpy(bool)
    if problems:
        raise InputError(problems)
    return y


def _unusable(column: pd.Series) -> str:
    """Why a column cannot be binned; "" when it can."""
    if pd.api.types.is_datetime64_any_dtype(column) or pd.api.types.is_timedelta64_dtype(column):
        return "a date or duration: turn it into a number first"
    if column.notna().sum() == 0:
        return "no values"
    if pd.api.types.is_float_dtype(column) and np.isinf(column.to_numpy(float, na_value=np.nan)).any():
        return "infinite values"
    if pd.api.types.is_integer_dtype(column) and len(column) > 100 and column.is_unique:
        return "a different whole number in every row: an identifier"
    return ""


def _is_quantity(column: pd.Series, max_bins: int) -> bool:
    is_number = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    return is_number and column.nunique() > max_bins


def _found_cuts(
    column: pd.Series, y: np.ndarray, special: tuple[float, ...], max_bins: int, min_bin_size: float, trend: str | None
) -> list[float]:
    from recidiv_core.slices.optimal import optimal_cuts

    values = column.to_numpy(float, na_value=np.nan)
    usable = np.isfinite(values) & ~np.isin(values, special)
    values, events = values[usable], y[usable].astype(int)
    if len(values) == 0 or events.min() == events.max():
        return []
    # Around 0, as what cuts them works in single precision.
    with np.errstate(over="ignore"):
        centre, spread = np.median(values), np.ptp(np.quantile(values, [0.01, 0.99])) or np.ptp(values)
    if not 0 < spread < np.inf:
        return []
    found = optimal_cuts((values - centre) / spread, events, max_bins=max_bins, min_bin_size=min_bin_size, trend=trend)
    found = np.asarray(found) * spread + centre
    if (values % 1 == 0).all():  # between whole numbers: the next one opens the bin
        return sorted({float(np.ceil(cut)) + 0.0 for cut in found})
    digits = int(np.ceil(-np.log10(spread))) + 2
    rounded = np.unique(np.round(found, digits) + 0.0)
    while trend and not np.array_equal(
        np.searchsorted(rounded, values, "right"), np.searchsorted(found, values, "right")
    ):
        digits += 1  # a row in another bin could break the trend that was asked for
        rounded = np.unique(np.round(found, digits) + 0.0)
    return rounded.tolist()


def _special(code: float) -> str:
    return f"code {code:.15g}"


def _numeric_rule(column: pd.Series, cuts: list[float], special: tuple[float, ...]) -> _Rule:
    values = column.to_numpy(float, na_value=np.nan)
    inside = values[~np.isnan(values) & ~np.isin(values, special)]
    levels = _interval_labels(cuts, inside)
    is_one = [level.lstrip("-").isdigit() for level in (levels[0], levels[-1])] if cuts else [False, False]
    limits = float(inside.min()) if is_one[0] else -np.inf, float(inside.max()) if is_one[1] else np.inf
    levels += [_special(code) for code in special]
    if np.isnan(values).any():
        levels.append(MISSING_GROUP)
    return _Rule(tuple(levels), tuple(cuts), special, limits)


def _interval_labels(cuts: list[float], values: np.ndarray) -> list[str]:
    """Names of the bins: "under 18", "18–21", "22 and over" for whole numbers, "0.5 to under 1" for others."""
    if not cuts:
        return ["any"]
    texts = [f"{cut:.15g}" for cut in cuts]
    last = f"{texts[-1]} and over"
    if not ((values % 1 == 0).all() and all(cut % 1 == 0 for cut in cuts)):
        return [f"under {texts[0]}", *(f"{low} to under {high}" for low, high in pairwise(texts)), last]
    ends = [int(cut) for cut in cuts]
    joint = "–" if ends[0] >= 0 else " to "
    middle = [str(low) if high == low + 1 else f"{low}{joint}{high - 1}" for low, high in pairwise(ends)]
    if len(values) == 0:
        return [f"under {ends[0]}", *middle, last]
    least, most = int(values.min()), int(values.max())
    return [
        str(least) if least == ends[0] - 1 else f"under {ends[0]}",
        *middle,
        str(most) if most == ends[-1] else last,
    ]


def _names(column: pd.Series) -> pd.Series:
    """A column as names; how a value is spelled depends on itself alone, not on what else the column holds."""
    if not pd.api.types.is_float_dtype(column):
        return as_groups(column)
    numbers = column.to_numpy(float, na_value=np.nan)
    spelled = {x: MISSING_GROUP if np.isnan(x) else f"{x:.15g}" for x in np.unique(numbers)}
    return pd.Series([MISSING_GROUP if np.isnan(x) else spelled[x] for x in numbers], index=column.index, dtype=object)


def _named_rule(column: pd.Series) -> _Rule:
    """A level for each name; categories stay as they are, of other names the rare ones are pooled."""
    names = _names(column)
    sizes = names.value_counts()
    is_rare = (sizes < default_support(len(names))) & (sizes.index != MISSING_GROUP) | (sizes.index == OTHER)
    rare = sizes[is_rare]
    if isinstance(column.dtype, pd.CategoricalDtype) or (len(rare) < 2 and OTHER not in sizes.index):
        rare = rare.iloc[:0]  # one alone would only lose its name
    kept = [str(name) for name in sizes.index if name not in rare.index]
    pooled = OTHER if set(kept) - {MISSING_GROUP} else PRESENT
    if isinstance(column.dtype, pd.CategoricalDtype):
        order = {str(name): i for i, name in enumerate(column.cat.categories)}
        kept.sort(key=lambda name: order.get(name, len(order)))
    else:
        kept.sort(key=_place)
    return _Rule((*kept, *([pooled] if len(rare) else [])), None, ())


def _place(name: str) -> tuple:
    """Numbers in their order, then names, missing last."""
    try:
        return (0, float(name), name)
    except ValueError:
        return (2 if name == MISSING_GROUP else 1, 0.0, name)


def _table(binned: pd.DataFrame, y: np.ndarray) -> pd.DataFrame:
    rows = []
    for name, column in binned.items():
        levels, codes = column.cat.categories, column.cat.codes.to_numpy()
        n = np.bincount(codes + 1, minlength=len(levels) + 1)[1:]
        events = np.bincount(codes + 1, weights=y, minlength=len(levels) + 1)[1:].astype(int)
        with np.errstate(invalid="ignore"):
            rate = events / n
        low, high = wilson(rate, n)
        parts = zip(levels, n, events, rate, low, high, strict=True)
        rows += [(name, level, size, size / len(y), *rest) for level, size, *rest in parts]
    return pd.DataFrame(rows, columns=["column", "level", "n", "share", "n_events", "event_rate", "low", "high"])
