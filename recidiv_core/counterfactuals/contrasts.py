"""What changes between the clones: flips, who gains and who loses, and how far the score moves."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from recidiv_core.stats import holm, wilson, wilson_of_people

SIDES = ("gain", "lose", "keep")


@dataclass(frozen=True)
class Contrast:
    """From one value (or mixture of values) to another: ``first`` and ``second`` are positions of clones, pair by
    pair.
    """

    changed: str
    start: str
    to: str
    first: tuple[int, ...]
    second: tuple[int, ...]


def contrasts(clones: pd.DataFrame) -> list[Contrast]:
    """Each ordered pair of values of each attribute, the others held at each of their values; then all attributes
    changed at once.
    """
    names, rows = list(clones), list(clones.itertuples(index=False, name=None))
    place = {row: i for i, row in enumerate(rows)}
    found = []
    for i, name in enumerate(names):
        for a, b in itertools.permutations(dict.fromkeys(clones[name]), 2):
            first = [row for row in rows if row[i] == a]
            second = [(*row[:i], b, *row[i + 1 :]) for row in first]
            found.append(
                Contrast(name, str(a), str(b), tuple(place[r] for r in first), tuple(place[r] for r in second))
            )
    if len(names) > 1:
        both = " and ".join(names)
        for a, b in itertools.permutations(rows, 2):
            if all(x != y for x, y in zip(a, b, strict=True)):
                found.append(Contrast(both, _text(names, a), _text(names, b), (place[a],), (place[b],)))
    return found


def _text(names: Sequence[str], row: Sequence[Any]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in zip(names, row, strict=True))


def summarise(
    scores: np.ndarray,
    flagged: np.ndarray,
    found: Sequence[Contrast],
    person: np.ndarray,
    *,
    flag_helps: bool,
    confidence_level: float,
) -> pd.DataFrame:
    """A row for each contrast, of scores and decisions of shape (n, k). Both orders of a pair are one computation."""
    _, codes = np.unique(person, return_inverse=True)
    done: dict[tuple, dict[str, Any]] = {}
    rows = []
    for one in found:
        mirror = done.get((one.second, one.first))
        figures = (
            _mirrored(mirror)
            if mirror is not None
            else _figures(scores, flagged, one, codes, flag_helps=flag_helps, confidence_level=confidence_level)
        )
        done[(one.first, one.second)] = figures
        rows.append({"changed": one.changed, "from": one.start, "to": one.to} | figures)
    table = pd.DataFrame(rows)
    table.insert(table.columns.get_loc("p_value") + 1, "p_holm", _holm(table, found))
    return table


def _figures(
    scores: np.ndarray,
    flagged: np.ndarray,
    one: Contrast,
    codes: np.ndarray,
    *,
    flag_helps: bool,
    confidence_level: float,
) -> dict[str, Any]:
    first, second = list(one.first), list(one.second)
    # (n, m) with m the number of values at which the other attributes are held; 1 when all change.
    gain, lose = moves(flagged, one, flag_helps=flag_helps)
    gap = scores[:, second] - scores[:, first]
    n, m = gap.shape
    rates = {}
    for name, own in (("flip", gain | lose), ("gain", gain), ("lose", lose)):
        low, high = rate_bounds(own, codes, confidence_level)
        rates |= {f"{name}_rate": own.mean(), f"{name}_low": low, f"{name}_high": high}
    n_people = int(codes.max()) + 1
    own = counted(gain, lose, codes)
    net = np.bincount(codes, weights=(gain.astype(np.int64) - lose).sum(axis=1))
    gap_low, gap_high = _mean_bounds(gap, codes, confidence_level)
    return {
        "n": n,
        "n_people": n_people,
        "n_pairs": n * m,
        "n_flips": own["n_flips"],
        "flip_rate": rates["flip_rate"],
        "low": rates["flip_low"],
        "high": rates["flip_high"],
        **{
            key: (own | rates)[key]
            for side in ("gain", "lose")
            for key in (f"n_{side}", f"{side}_rate", f"{side}_low", f"{side}_high")
        },
        **{f"people_{name}": own[f"people_{name}"] for name in SIDES},
        "p_value": mcnemar(int((net > 0).sum()), int((net < 0).sum())),
        "mean_gap": gap.mean(),
        "gap_low": gap_low,
        "gap_high": gap_high,
        "largest_gap": gap.ravel()[np.abs(gap).argmax()],
        "beyond": 1 - (1 - confidence_level) ** (1 / n_people),
    }


def counted(gain: np.ndarray, lose: np.ndarray, person: np.ndarray) -> dict[str, int]:
    """Pairs that gain, lose and flip, and the people behind at least one pair that gains, loses, and keeps its
    decision.
    """
    sides = dict(zip(SIDES, (gain, lose, ~(gain | lose)), strict=True))
    found = {"n_gain": int(gain.sum()), "n_lose": int(lose.sum()), "n_flips": int((gain | lose).sum())}
    return found | {f"people_{name}": len(np.unique(person[own.any(axis=1)])) for name, own in sides.items()}


def moves(flagged: np.ndarray, one: Contrast, *, flag_helps: bool) -> tuple[np.ndarray, np.ndarray]:
    """Who gains and who loses by the change, each of shape (n, m)."""
    before, after = flagged[:, list(one.first)], flagged[:, list(one.second)]
    up, down = after & ~before, before & ~after
    return (up, down) if flag_helps else (down, up)


def _mirrored(own: Mapping[str, Any]) -> dict[str, Any]:
    """The same pair the other way round."""
    turned = dict(own)
    for name in ("n_{}", "{}_rate", "{}_low", "{}_high", "people_{}"):
        turned[name.format("gain")], turned[name.format("lose")] = own[name.format("lose")], own[name.format("gain")]
    return turned | {
        "mean_gap": 0.0 - own["mean_gap"],
        "gap_low": 0.0 - own["gap_high"],
        "gap_high": 0.0 - own["gap_low"],
        "largest_gap": 0.0 - own["largest_gap"],
    }


def mcnemar(n_up: int, n_down: int) -> float:
    """The exact two-sided p-value of McNemar's test: of the pairs that differ, as many one way as the other (McNemar
    1947).
    """
    from scipy.stats import binomtest  # it takes a second to import, and most commands never ask

    return float(binomtest(n_up, n_up + n_down).pvalue) if n_up + n_down else 1.0


def rate_bounds(flips: np.ndarray, person: np.ndarray, confidence_level: float) -> tuple[float, float]:
    """Wilson's interval of a share, of shape (n,) or (n, m); with people as clusters where a person stands behind
    several.
    """
    values = flips.ravel()
    if len(values) == len(np.unique(person)):
        low, high = wilson(values.mean(), len(values), confidence_level=confidence_level)
        return float(low), float(high)
    people = np.repeat(person, len(values) // len(person))
    return wilson_of_people(values.astype(float), people, confidence_level=confidence_level)


def _mean_bounds(gap: np.ndarray, codes: np.ndarray, confidence_level: float) -> tuple[float, float]:
    """Student's interval of a mean over people (Liang and Zeger's variance where one has several rows); NaN for one
    person.
    """
    n_people = int(codes.max()) + 1
    if n_people < 2:
        return np.nan, np.nan
    mean = gap.mean()
    sums = np.bincount(codes, weights=(gap - mean).sum(axis=1))
    error = np.sqrt((sums**2).sum() * n_people / (n_people - 1)) / gap.size
    half = stdtrit(n_people - 1, (1 + confidence_level) / 2) * error
    return float(mean - half), float(mean + half)


def _holm(table: pd.DataFrame, found: Sequence[Contrast]) -> np.ndarray:
    """Holm's adjustment over the pairs of the table, each counted once whichever way it runs."""
    pair = [frozenset((one.first, one.second)) for one in found]
    first = {key: i for i, key in reversed(list(enumerate(pair)))}
    adjusted, _ = holm(table["p_value"].to_numpy()[list(first.values())])
    of = dict(zip(first, adjusted, strict=True))
    return np.array([of[key] for key in pair])


def one_way(summary: pd.DataFrame) -> pd.DataFrame:
    """Of both orders of each pair of values that in which more lose; the pairs with most flips first."""
    turned = [frozenset(((r["changed"], r["from"]), (r["changed"], r["to"]))) for _, r in summary.iterrows()]
    own = summary.assign(pair=turned).sort_values(["flip_rate", "n_lose"], ascending=False, kind="stable")
    return own.drop_duplicates("pair").drop(columns="pair")


def clone_names(clones: pd.DataFrame) -> list[str]:
    """What each clone is called: its value, or with several attributes each with its name."""
    rows = list(clones.itertuples(index=False, name=None))
    return [str(row[0]) if len(row) == 1 else _text(list(clones), row) for row in rows]
