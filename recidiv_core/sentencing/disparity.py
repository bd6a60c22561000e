"""How sentences like this one deviate from the guidelines (S), with n and interval, beside those of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit

from recidiv_core.data import MISSING_GROUP, shown
from recidiv_core.errors import InputError, Problem
from recidiv_core.plain import plain
from recidiv_core.sentencing.records import MONTHS, SentenceColumns, SentencingRecords, sentencing_records
from recidiv_core.stats import mean_bounds, wilson

LEVELS = range(18)  # S: controlled_substance_quantity_level
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_NATURES = ("plea", "disposition")
_PLACES = (
    "above the guidelines",
    "at the maximum",
    "between minimum and maximum",
    "at the minimum",
    "below the guidelines",
    "at the guideline",
)
_BIN = 6.0  # months, the least width of a bar
_MOST_BINS = 40
ELSE = "everybody else"
NO_SPREAD = "neither side varies, so no interval can be given"


@dataclass(frozen=True, eq=False)
class SentencingDisparity:
    """Sentences like one asked about.

    Attributes
    ----------
    asked : dict
        charge, level, race, gender as they were given.
    summary : dict
        ``group``, n (sentences counted), mean deviation (S's ``commitmentTerm``, months) with bounds, median, SD;
        shares of sentences above, within and below the guidelines, and with a positive or negative deviation from their
        midpoint, all with bounds; n_similar (S's first output: similarly charged sentences), and
        ``reason`` where there is nothing to average.
    comparison : dict
        The same of those compared with, and the ``difference`` of the means with Welch's bounds and p.
    by_group : DataFrame
        The same for every race and gender among the sentences of that charge and level, with each group's share of them
        (S's outputs 2 to 4).
    nature : DataFrame
        group, kind, value, n, share and mean deviation with bounds: by plea, disposition, and where in the range the
        sentence lies (S's fifth output).
    distribution : DataFrame
        group, n and the 5th to 95th percentiles of its deviations.
    histogram : DataFrame
        side ("asked", "compared"), group, from, to (months), n, share.
    members : dict
        Which groups of ``by_group`` are "asked" about, "compared", or neither ("rest").
    """

    asked: dict[str, Any]
    summary: dict[str, Any]
    comparison: dict[str, Any]
    by_group: pd.DataFrame
    nature: pd.DataFrame
    distribution: pd.DataFrame
    histogram: pd.DataFrame
    members: dict[str, tuple[str, ...]]
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def outputs(self) -> pd.DataFrame:
        """S's first four outputs one by one: output, what, group, n, value, low, high. (The fifth is ``nature``.)"""
        rows = [
            (
                1,
                "similarly charged sentences",
                "all",
                self.summary["n_similar"],
                float("nan"),
                float("nan"),
                float("nan"),
            )
        ]
        sides = (self.comparison, self.summary)
        for side in sides:
            low, high = wilson(
                side["share"], self.summary["n_similar"], confidence_level=self.options["confidence_level"]
            )
            rows.append((2, "share of them", side["group"], side["n"], side["share"], float(low), float(high)))
        for number, side in zip((3, 4), sides, strict=True):
            for what, name in (
                ("positive", "longer than the midpoint"),
                ("negative", "shorter than the midpoint"),
                ("above", "above the guidelines"),
                ("below", "below the guidelines"),
            ):
                rows.append(
                    (number, name, side["group"], side["n"], side[what], side[f"{what}_low"], side[f"{what}_high"])
                )
        return pd.DataFrame(rows, columns=["output", "what", "group", "n", "value", "low", "high"])

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return plain({name: getattr(self, name) for name in (*self.__dataclass_fields__, "outputs")})


def sentencing_disparity(
    records: SentencingRecords | pd.DataFrame,
    *,
    charge: str,
    level: int | None = None,
    race: str | None = None,
    gender: str | None = None,
    columns: SentenceColumns | None = None,
    compare_to: Mapping[str, str] | None = None,
    min_n: int = 10,
    confidence_level: float = 0.95,
) -> SentencingDisparity:
    """The deviation from the guidelines of sentences with this charge, level, race and gender.

    Parameters
    ----------
    records : SentencingRecords, or a table with ``columns``
    level : 0 to 17, optional
        S's quantity level of a controlled substance; None takes all.
    compare_to : {"race": …, "gender": …}, optional
        Whom to compare with, among the same charge and level; by default everybody else there.
    min_n : int
        Fewer sentences than this on either side and nothing is said of a difference.

    Raises
    ------
    InputError
        For a charge, race or gender that does not occur, or a level that cannot be.
    """
    own = records if isinstance(records, SentencingRecords) else sentencing_records(records, columns=columns)
    asked = {"charge": charge, "level": level, "race": race, "gender": gender}
    if not 0 < confidence_level < 1:
        raise InputError.one("confidence_level", "a number between 0 and 1", f"{confidence_level}")
    options = {
        "compare_to": None if compare_to is None else dict(compare_to),
        "min_n": min_n,
        "confidence_level": confidence_level,
    }
    similar, here, there = _sides(own, asked, compare_to)
    summary, comparison = _compared(own, asked, similar, here, there, options)
    groups = _groups(own.frame.iloc[np.sort(similar)])
    by_group = [
        {"group": name, "share": len(part) / len(similar)} | _measured(part, confidence_level) for name, part in groups
    ]
    distribution = [
        {"group": name, "n": len(part)}
        | {f"p{round(100 * q)}": float(part["deviation"].quantile(q)) for q in _QUANTILES}
        for name, part in groups
    ]
    histogram = _histogram(
        own.months["deviation"], {"asked": (summary["group"], here), "compared": (comparison["group"], there)}
    )
    return SentencingDisparity(
        asked=asked,
        summary=summary,
        comparison=comparison,
        by_group=pd.DataFrame(by_group),
        nature=_nature(groups, confidence_level),
        distribution=pd.DataFrame(distribution),
        histogram=histogram,
        members=_members(groups, asked, compare_to),
        options=options,
    )


def case_deviation(
    records: SentencingRecords,
    *,
    charge: str,
    level: int | None,
    race: str | None,
    gender: str | None,
    compare_to: Mapping[str, str] | None = None,
    min_n: int = 10,
    confidence_level: float = 0.95,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """n, mean, bounds and difference of :func:`sentencing_disparity` without what takes longer: what a program that
    asks is told.
    """
    asked = {"charge": charge, "level": level, "race": race, "gender": gender}
    similar, *sides = _sides(records, asked, compare_to)
    here, there = (records.months["deviation"][own] for own in sides)
    summary, comparison = (
        {"group": name, **_mean(values, confidence_level)}
        for name, values in zip(_names(asked, compare_to), (here, there), strict=True)
    )
    return summary | {"n_similar": len(similar)}, comparison | _difference(here, there, min_n, confidence_level)


def _names(asked: Mapping[str, Any], compare_to: Mapping[str, str] | None) -> tuple[str, str]:
    other = ELSE if compare_to is None else group_name(compare_to.get("race"), compare_to.get("gender"))
    return group_name(asked["race"], asked["gender"]), other


def group_name(race: str | None, gender: str | None) -> str:
    """A group as the pages call it: "Black, Male", "Black", "everybody"."""
    return ", ".join(part for part in (race, gender) if part) or "everybody"


def _sides(
    records: SentencingRecords, asked: Mapping[str, Any], compare_to: Mapping[str, str] | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions in the frame of the similar sentences, of those asked about, and of those compared with."""
    _check(records, asked, compare_to)
    similar: list[np.ndarray] = []
    sides: dict[str, list[np.ndarray]] = {"asked": [], "compared": [], "rest": []}
    for (charge, level, race, gender), positions in records.cells.items():
        if charge == asked["charge"] and asked["level"] in (None, level):
            similar.append(positions)
            sides[_side_of(race, gender, asked, compare_to)].append(positions)
    found = (similar, sides["asked"], sides["compared"])
    return tuple(np.concatenate([np.empty(0, int), *part]) for part in found)


def _side_of(race: str, gender: str, asked: Mapping[str, Any], compare_to: Mapping[str, str] | None) -> str:
    values = {"race": race, "gender": gender}
    if all(asked[name] in (None, value) for name, value in values.items()):
        return "asked"
    return "compared" if all(values[name] == value for name, value in (compare_to or {}).items()) else "rest"


def _members(
    groups: Sequence[tuple[str, pd.DataFrame]], asked: Mapping[str, Any], compare_to: Mapping[str, str] | None
) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {"asked": [], "compared": [], "rest": []}
    for name, part in groups:
        race, gender = (str(part[column].iloc[0]) if column in part else "" for column in ("race", "gender"))
        found[_side_of(race, gender, asked, compare_to)].append(name)
    return {side: tuple(names) for side, names in found.items()}


def _check(records: SentencingRecords, asked: Mapping[str, Any], compare_to: Mapping[str, str] | None) -> None:
    problems = []
    charge, level = asked["charge"], asked["level"]
    if charge not in records.values["charge"]:
        problems.append(Problem("charge", "one that occurs in the records", shown(charge, 40)))
    if level is not None and (isinstance(level, bool) or level not in LEVELS):
        problems.append(Problem("level", "0 to 17", f"{level}"))
    if level is not None and "level" not in records.frame:
        problems.append(Problem("level", "records with levels", "none"))
    own = {name: asked[name] for name in ("race", "gender")}
    for where, values in (("", own), ("compare_to: ", compare_to or {})):
        for name, value in values.items():
            if name not in own:
                problems.append(Problem(f"{where}{shown(name, 40)}", "race or gender", "something else"))
            elif value is not None and value not in records.values.get(name, ()):
                problems.append(Problem(f"{where}{name}", "one that occurs in the records", shown(value, 40)))
    if compare_to is not None and not any(own.get(name) not in (None, value) for name, value in compare_to.items()):
        problems.append(Problem("compare_to", "a group that shares nobody with the one asked about", "one that may"))
    if problems:
        raise InputError(problems)


def _compared(
    records: SentencingRecords,
    asked: Mapping[str, Any],
    similar: np.ndarray,
    here: np.ndarray,
    there: np.ndarray,
    options: Mapping[str, Any],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both sides measured, and the difference of their means."""
    level, names = options["confidence_level"], _names(asked, options["compare_to"])
    sides = []
    for name, own in zip(names, (here, there), strict=True):
        part = {name: months[own] for name, months in records.months.items()}
        share = len(own) / len(similar) if len(similar) else float("nan")
        sides.append({"group": name, "share": share} | _measured(part, level))
    summary, comparison = sides
    summary |= {"n_similar": len(similar), "reason": "" if len(here) else "no counted sentence matches"}
    deviations = records.months["deviation"]
    return summary, comparison | _difference(deviations[here], deviations[there], options["min_n"], level)


def _groups(found: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Each race and gender there is, the largest first."""
    race, gender = (found[name] if name in found else pd.Series("", index=found.index) for name in ("race", "gender"))
    parts = [
        (group_name(r, g), part) for (r, g), part in found.groupby([race.rename("r"), gender.rename("g")], sort=True)
    ]
    parts.sort(key=lambda item: -len(item[1]))
    names = [name for name, _ in parts]  # "A, B" of one column and "A", "B" of two are not the same group
    return [
        (f"{name} ({names[:i].count(name) + 1})" if name in names[:i] else name, part)
        for i, (name, part) in enumerate(parts)
    ]


def _measured(part: pd.DataFrame | Mapping[str, np.ndarray], confidence_level: float) -> dict[str, Any]:
    """n, the mean deviation with Student's bounds, and with Wilson's the shares above, within and below the
    guidelines, and longer or shorter than their midpoint.
    """
    given, lowest, highest, values = (np.asarray(part[name]) for name in MONTHS)
    n = len(values)
    made = _mean(values, confidence_level) | {
        "sd": float(values.std(ddof=1)) if n > 1 else float("nan"),
        "median": float(np.median(values)) if n else float("nan"),
    }
    sides = {
        "above": given > highest,
        "within": (given >= lowest) & (given <= highest),
        "below": given < lowest,
        "positive": values > 0,
        "negative": values < 0,
    }
    shares = np.array([own.mean() if n else np.nan for own in sides.values()])
    lows, highs = wilson(shares, n, confidence_level=confidence_level)
    for name, share, low, high in zip(sides, shares, lows, highs, strict=True):
        made |= {name: float(share), f"{name}_low": float(low), f"{name}_high": float(high)}
    return made


def _mean(values: np.ndarray, confidence_level: float) -> dict[str, Any]:
    """n and mean with Student's bounds."""
    low, high = mean_bounds(values, confidence_level=confidence_level)
    return {"n": len(values), "mean": float(values.mean()) if len(values) else float("nan"), "low": low, "high": high}


def _difference(here: np.ndarray, there: np.ndarray, min_n: int, confidence_level: float) -> dict[str, Any]:
    """The difference of two means with Welch's bounds and p (as scipy's ``ttest_ind``, which takes longer than a
    request may).
    """
    nothing = dict.fromkeys(("difference", "difference_low", "difference_high", "p_value"), float("nan"))
    if min(len(here), len(there)) < max(min_n, 2):
        return nothing | {"reason": f"fewer than {max(min_n, 2)} sentences on one side"}
    difference = float(here.mean() - there.mean())
    if np.ptp(here) == np.ptp(there) == 0:
        return nothing | {"difference": difference, "reason": NO_SPREAD}
    errors = np.array([own.var(ddof=1) / len(own) for own in (here, there)])
    degrees = errors.sum() ** 2 / (errors**2 / [len(here) - 1, len(there) - 1]).sum()
    error = float(np.sqrt(errors.sum()))
    half = float(stdtrit(degrees, 0.5 + confidence_level / 2)) * error
    return {
        "difference": difference,
        "difference_low": difference - half,
        "difference_high": difference + half,
        "p_value": float(2 * stdtr(degrees, -abs(difference) / error)),
        "reason": "",
    }


def _nature(groups: Sequence[tuple[str, pd.DataFrame]], confidence_level: float) -> pd.DataFrame:
    """How the sentences of each group came about, and where in the guidelines' range they lie."""
    rows = []
    for group, part in groups:
        given, low, high = (part[name].to_numpy() for name in ("given", "guideline_low", "guideline_high"))
        at = [
            given > high,
            (given == high) & (low < high),
            (given > low) & (given < high),
            (given == low) & (low < high),
            given < low,
        ]
        kinds = {kind: part[kind].to_numpy() for kind in _NATURES if kind in part} | {
            "place in the range": np.select(at, _PLACES[:-1], _PLACES[-1])
        }
        for kind, values in kinds.items():
            for value, own in part["deviation"].groupby(values):
                if value == MISSING_GROUP:
                    continue
                share = len(own) / len(part)
                share_low, share_high = map(float, wilson(share, len(part), confidence_level=confidence_level))
                shares = {"share": share, "share_low": share_low, "share_high": share_high}
                head = {"group": group, "kind": kind, "value": value}
                rows.append(head | shares | _mean(own.to_numpy(), confidence_level))
    columns = ["group", "kind", "value", "n", "share", "share_low", "share_high", "mean", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def _histogram(deviations: np.ndarray, sides: Mapping[str, tuple[str, np.ndarray]]) -> pd.DataFrame:
    """Both sides over the same bars, a whole number of half years wide; what lies beyond the 0.5th and 99.5th
    percentile is in the outermost.
    """
    both = deviations[np.concatenate([own for _, own in sides.values()])]
    rows = []
    if len(both):
        low, high = np.quantile(both, [0.005, 0.995])
        width = _BIN * max(1, np.ceil((high - low) / _BIN / _MOST_BINS))
        edges = width * np.arange(np.floor(low / width), np.floor(high / width) + 2)
        for side, (group, own) in sides.items():
            counts = np.histogram(np.clip(deviations[own], edges[0], edges[-1]), edges)[0]
            rows += [
                {
                    "side": side,
                    "group": group,
                    "from": float(a),
                    "to": float(b),
                    "n": int(n),
                    "share": n / max(len(own), 1),
                }
                for a, b, n in zip(edges[:-1], edges[1:], counts, strict=True)
            ]
    return pd.DataFrame(rows, columns=["side", "group", "from", "to", "n", "share"])
