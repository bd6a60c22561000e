"""How sentences like this one deviate from the guidelines (S), with n and interval, beside those of others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from recidiv_core.data import MISSING_GROUP, shown
from recidiv_core.errors import InputError, Problem
from recidiv_core.plain import plain
from recidiv_core.sentencing.records import SentenceColumns, SentencingRecords, sentencing_records
from recidiv_core.stats import mean_bounds, wilson

LEVELS = range(18)  # S: controlled_substance_quantity_level
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_NATURES = ("plea", "disposition")


@dataclass(frozen=True, eq=False)
class SentencingDisparity:
    """Sentences like one asked about.

    Attributes
    ----------
    asked : dict
        charge, level, race, gender as they were given.
    summary : dict
        n (sentences counted), mean deviation (S's ``commitmentTerm``, months) with bounds, median, SD; shares above, below and within the guidelines
        with bounds; n_similar (S's first output: similarly charged sentences), and ``reason`` where there is nothing to average.
    by_group : DataFrame
        The same for every race and gender among the sentences of that charge and level, with each group's share of them (S's outputs 2 to 4).
    comparison : dict
        Mean deviation of those compared with, and the difference with Welch's bounds and p.
    nature : DataFrame
        group, kind, value, n, share, mean deviation: by plea, disposition, and where in the range the sentence lies (S's fifth output).
    distribution : DataFrame
        group and the 5th to 95th percentiles of its deviations.
    """

    asked: dict[str, Any]
    summary: dict[str, Any]
    by_group: pd.DataFrame
    comparison: dict[str, Any]
    nature: pd.DataFrame
    distribution: pd.DataFrame
    notes: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return plain({name: getattr(self, name) for name in self.__dataclass_fields__})


def sentencing_disparity(
    records: SentencingRecords | pd.DataFrame, *, charge: str, level: int | None = None, race: str | None = None, gender: str | None = None,
    columns: SentenceColumns | None = None, compare_to: Mapping[str, str] | None = None, min_n: int = 10, confidence_level: float = 0.95,
) -> SentencingDisparity:  # fmt: skip
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
    frame = own.frame
    _check(frame, charge, level, {"race": race, "gender": gender}, compare_to or {})
    similar = frame["is_counted"] & (frame["charge"] == charge)
    if level is not None:
        similar &= frame["level"] == level
    here = similar.copy()
    for name, value in (("race", race), ("gender", gender)):
        if value is not None:
            here &= frame[name] == value
    there = similar & ~here if compare_to is None else similar.copy()
    for name, value in (compare_to or {}).items():
        there &= frame[name] == value
    found = frame[similar]
    summary = _measured(frame[here], confidence_level) | {"n_similar": int(similar.sum())}
    summary["reason"] = "" if summary["n"] else "no counted sentence matches"
    comparison = _compared(
        frame.loc[here, "deviation"].to_numpy(),
        frame.loc[there & ~here, "deviation"].to_numpy(),
        min_n,
        confidence_level,
    )
    groups = _groups(found)
    by_group = pd.DataFrame(
        [dict(zip(("race", "gender"), key, strict=True)) | {"share": len(part) / len(found)} | _measured(part, confidence_level) for key, part in groups]
    )  # fmt: skip
    distribution = [
        {"race": key[0], "gender": key[1], "n": len(part)} | {f"p{round(100 * q)}": float(part["deviation"].quantile(q)) for q in _QUANTILES} for key, part in groups
    ]  # fmt: skip
    asked = {"charge": charge, "level": level, "race": race, "gender": gender}
    return SentencingDisparity(
        asked, summary, by_group, comparison, _nature(groups), pd.DataFrame(distribution), own.notes,
        {"compare_to": None if compare_to is None else dict(compare_to), "min_n": min_n, "confidence_level": confidence_level},
    )  # fmt: skip


def _check(
    frame: pd.DataFrame, charge: str, level: int | None, own: Mapping[str, str | None], other: Mapping[str, str]
) -> None:
    problems = []
    if charge not in set(frame["charge"]):
        problems.append(Problem("charge", "one that occurs in the records", shown(charge, 40)))
    if level is not None and level not in LEVELS:
        problems.append(Problem("level", "0 to 17", f"{level}"))
    if level is not None and "level" not in frame:
        problems.append(Problem("level", "records with levels", "none"))
    for where, asked in (("", own), ("compare_to: ", other)):
        for name, value in asked.items():
            if name not in ("race", "gender"):
                problems.append(Problem(f"{where}{shown(name, 40)}", "race or gender", "something else"))
            elif value is not None and value not in set(frame.get(name, ())):
                problems.append(Problem(f"{where}{name}", "one that occurs in the records", shown(value, 40)))
    if problems:
        raise InputError(problems)


def _groups(found: pd.DataFrame) -> list[tuple[tuple[str, str], pd.DataFrame]]:
    """Each race and gender there is, the largest first; "" where the records do not say."""
    race, gender = (found[name] if name in found else pd.Series("", index=found.index) for name in ("race", "gender"))
    parts = [((r, g), part) for (r, g), part in found.groupby([race.rename("r"), gender.rename("g")], sort=True)]
    return sorted(parts, key=lambda item: -len(item[1]))


def _measured(part: pd.DataFrame, confidence_level: float) -> dict[str, Any]:
    """n, the mean deviation with Student's bounds, and the shares above, below and within the guidelines with Wilson's."""
    values, n = part["deviation"].to_numpy(), len(part)
    mean = float(values.mean()) if n else float("nan")
    made: dict[str, Any] = {
        "n": n,
        "mean": mean,
        "low": float("nan"),
        "high": float("nan"),
        "sd": float("nan"),
        "median": float(np.median(values)) if n else float("nan"),
    }
    made["low"], made["high"] = mean_bounds(values, confidence_level=confidence_level)
    if n > 1:
        made["sd"] = float(values.std(ddof=1))
    sides = {"above": part["given"] > part["guideline_high"], "below": part["given"] < part["guideline_low"]}
    sides["within"] = ~(sides["above"] | sides["below"])
    for name, own in sides.items():
        share = float(own.mean()) if n else float("nan")
        low, high = wilson(share, n, confidence_level=confidence_level)
        made |= {name: share, f"{name}_low": float(low), f"{name}_high": float(high)}
    return made


def _compared(here: np.ndarray, there: np.ndarray, min_n: int, confidence_level: float) -> dict[str, Any]:
    """The difference of two means with Welch's bounds."""
    from scipy.stats import ttest_ind

    made: dict[str, Any] = {"n": len(there), "mean": float(there.mean()) if len(there) else float("nan")}
    nothing = dict.fromkeys(("difference", "low", "high", "p_value"), float("nan"))
    if min(len(here), len(there)) < max(min_n, 2):
        return made | nothing | {"reason": f"fewer than {max(min_n, 2)} sentences on one side"}
    difference = float(here.mean() - there.mean())
    if here.std() == there.std() == 0:
        return made | nothing | {"difference": difference, "reason": "no spread: nothing is left to chance"}
    found = ttest_ind(here, there, equal_var=False)
    low, high = found.confidence_interval(confidence_level)
    return made | {
        "difference": difference,
        "low": float(low),
        "high": float(high),
        "p_value": float(found.pvalue),
        "reason": "",
    }


def _nature(groups: list[tuple[tuple[str, str], pd.DataFrame]]) -> pd.DataFrame:
    rows = []
    for (race, gender), part in groups:
        place = np.select(
            [part["given"] > part["guideline_high"], part["given"] < part["guideline_low"], part["given"] == part["guideline_high"], part["given"] == part["guideline_low"]],
            ["above the guidelines", "below the guidelines", "at the maximum", "at the minimum"], "between minimum and maximum",
        )  # fmt: skip
        kinds = {kind: part[kind].to_numpy() for kind in _NATURES if kind in part} | {"place in the range": place}
        for kind, values in kinds.items():
            for value, own in part["deviation"].groupby(values):
                if value != MISSING_GROUP:
                    rows.append(
                        {
                            "race": race,
                            "gender": gender,
                            "kind": kind,
                            "value": value,
                            "n": len(own),
                            "share": len(own) / len(part),
                            "mean": float(own.mean()),
                        }
                    )
    return pd.DataFrame(rows, columns=["race", "gender", "kind", "value", "n", "share", "mean"])
