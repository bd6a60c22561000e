"""A model asked about the same people twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from recidiv_core.counterfactuals.bands import FEW, bands_of
from recidiv_core.counterfactuals.contrasts import Contrast, contrasts, counted, moves, rate_bounds, summarise
from recidiv_core.counterfactuals.fields import free
from recidiv_core.counterfactuals.pairs import CounterfactualPairs
from recidiv_core.data import MISSING_GROUP, AuditDataset, Roles, as_groups, shown
from recidiv_core.errors import InputError, Problem
from recidiv_core.models import ProxyProbe, TrainedModel
from recidiv_core.plain import plain
from recidiv_core.words import listed, outward

_MOST_ROWS = 20_000
_SHOWN = 50  # pairs in the JSON, and only where they are of nobody
_DECISIONS = {"punitive": ("not flagged", "flagged"), "assistive": ("Refused", "Granted")}


@dataclass(frozen=True, eq=False)
class CounterfactualAudit:
    """What the model decides about each clone.

    Attributes
    ----------
    scores : ndarray of shape (n, k)
        The model's score of each profile as each of the k clones.
    summary : DataFrame
        A row for each ordered pair of values, of each attribute alone and of all at once: ``n`` profiles, ``n_pairs``
        compared (with several attributes the others are held at each of their values), flips, who gains and who loses
        by the change with Wilson's intervals, the exact McNemar p-value (``p_holm`` over the table's pairs), the mean
        gap of the scores (to minus from), and the largest; at most a share
        ``beyond`` of profiles made in the same way have a larger gap, at the confidence level.
    overall : dict
        Profiles whose clones do not all get the same decision: n, n_flips, flip_rate, low, high.
    unseen : tuple of attributes that the model does not take: their flips are 0 by construction.
    proxies : what the columns that the model takes tell about each attribute, where that was looked for.
    curve, bands, single : the response curve and the bands of a feature, and one profile's questions, where they were
    asked.
    """

    made: CounterfactualPairs
    scores: np.ndarray
    model: dict[str, Any]
    threshold: float
    confidence_level: float
    decisions: tuple[str, str]
    unseen: tuple[str, ...]
    notes: tuple[str, ...]
    summary: pd.DataFrame
    overall: dict[str, Any]
    roles: Roles | None
    dataset: dict[str, Any]
    ledger: pd.DataFrame = field(repr=False)
    proxies: tuple[ProxyProbe, ...] = ()
    curve: pd.DataFrame | None = None
    bands: pd.DataFrame | None = None
    single: Any = None
    room: ClassVar[str] = "counterfactuals"

    @property
    def attributes(self) -> tuple[str, ...]:
        """The attributes varied."""
        return tuple(self.made.clones)

    @property
    def flag_helps(self) -> bool:
        """Whether a flag is what people want (a loan) or what they do not (a cell)."""
        return self.made.polarity == "assistive"

    @property
    def options(self) -> dict[str, Any]:
        """What the result depends on beside the data and the model."""
        return {
            "threshold": self.threshold,
            "confidence_level": self.confidence_level,
            "vary": self.made.vary,
            "source": self.made.source,
            **self.made.options,
        }

    @property
    def decided(self) -> dict[str, Any]:
        """What was decided with it."""
        return {"threshold": self.threshold, "model": self.model}

    @property
    def main(self) -> int:
        """The position in ``summary`` of what is said first: most flips, and of the two ways round that with more to
        lose.
        """
        order = self.summary.assign(gap=self.summary["mean_gap"].abs().round(12)).sort_values(
            ["flip_rate", "gap", "n_lose"], ascending=False, kind="stable"
        )
        return int(order.index[0])

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """Every clone, those of a profile one below the other: what stays the same, what differs, score, decision and
        whether they differ.

        Profiles whose clones get different decisions come first, those with the widest scores first among them.
        """
        return self.pairs_of(self.order)

    @cached_property
    def order(self) -> np.ndarray:
        """The profiles' positions as ``pairs`` lists them."""
        return np.lexsort((-np.ptp(self.scores, axis=1), ~self.flips))

    @cached_property
    def flips(self) -> np.ndarray:
        """Whether a profile's clones get different decisions, shape (n,)."""
        flagged = self.scores >= self.threshold
        return flagged.any(axis=1) & ~flagged.all(axis=1)

    def pairs_of(self, profiles: np.ndarray) -> pd.DataFrame:
        """:attr:`pairs` of the profiles at these positions alone."""
        frame = self.made.frame(profiles)
        scores = self.scores[profiles].ravel()
        decisions = np.where(scores >= self.threshold, self.decisions[1], self.decisions[0])
        flips = np.repeat(self.flips[profiles], len(self.made.clones))
        return frame.assign(**dict(zip(self.answers, (scores, decisions, flips), strict=True)))

    @property
    def answers(self) -> tuple[str, str, str]:
        """What :attr:`pairs` calls score, decision and whether clones differ: other names where the profiles have
        these.
        """
        taken = [*self.made.profiles, *self.made.clones]
        return tuple(free(name, taken) for name in ("score", "decision", "flips"))

    def by_band(self, feature: str, *, contrast: int | None = None) -> pd.DataFrame:
        """Flips over bands of a numeric column, for a row of ``summary``: feature, contrast, band, start, end, n
        profiles, n_pairs, n_flips, flip_rate, low, high, n_gain, n_lose, and the people behind. Profiles without the
        number are a band of their own.

        Raises
        ------
        InputError
            When the profiles have no such column of numbers, or the summary no such row.
        """
        values = self._numbers(feature)
        if contrast is not None and contrast not in range(len(self._contrasts)):
            raise InputError.one("contrast", f"a row of the summary, 0 to {len(self._contrasts) - 1}", "another")
        one = self._contrasts[self.main if contrast is None else contrast]
        edges, names = bands_of(values, is_even=self.made.source == "profiles")
        gain, lose = moves(self.scores >= self.threshold, one, flag_helps=self.flag_helps)
        where = np.searchsorted(edges, values, side="right") - 1
        where[values == edges[-1]] = len(names) - 1
        where[~np.isfinite(values)] = len(names)
        rows = []
        for position, name in enumerate([*names, MISSING_GROUP]):
            own = where == position
            if not own.any():
                continue
            flips, people = (gain | lose)[own], self.made.person[own]
            low, high = rate_bounds(flips, people, self.confidence_level)
            start, end = (edges[position], edges[position + 1]) if position < len(names) else (np.nan, np.nan)
            end = start if np.isinf(end) or name == f"{start:,.10g}" else end
            rows.append(
                {
                    "feature": feature,
                    "contrast": f"{one.changed}, {one.start} to {one.to}",
                    "band": name,
                    "start": start,
                    "end": end,
                    "n": int(own.sum()),
                    "n_pairs": flips.size,
                    "flip_rate": flips.mean(),
                    "low": low,
                    "high": high,
                    **counted(gain[own], lose[own], people),
                }
            )
        return pd.DataFrame(rows)

    def overall_bounds(self) -> str:
        """The interval of the share of profiles whose clones do not agree, in words."""
        return (
            f"{100 * self.confidence_level:g} % interval "
            f"{outward(self.overall['low'], self.overall['high'], percent=True)} %"
        )

    def numeric(self) -> list[str]:
        """The columns of the profiles that have bands, those of many values first."""
        shared = self.made.profiles
        found = [
            n
            for n in shared
            if n not in self.made.reading
            and pd.api.types.is_numeric_dtype(shared[n])
            and not pd.api.types.is_bool_dtype(shared[n])
            and shared[n].nunique() > 1
        ]
        return sorted(found, key=lambda name: shared[name].nunique() <= FEW)

    def _numbers(self, feature: str) -> np.ndarray:
        if feature not in self.numeric():
            raise InputError.one("feature", "a column of the profiles with different numbers", shown(feature))
        return self.made.profiles[feature].to_numpy(dtype=float, na_value=np.nan)

    @cached_property
    def _contrasts(self) -> list[Contrast]:
        return contrasts(self.made.clones)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; pairs only where they are of nobody."""
        is_made = self.made.source in ("profiles", "typed")
        return plain(
            {
                "dataset": self.dataset,
                "roles": self.roles.to_dict() if self.roles else None,
                "model": self.model,
                "options": self.options,
                "overall": self.overall,
                "unseen": self.unseen,
                "notes": self.notes,
                "summary": self.summary,
                "pairs": self.pairs_of(self.order[:_SHOWN]) if is_made else None,
                "proxies": [probe.to_dict() for probe in self.proxies],
                "curve": self.curve,
                "bands": self.bands,
                "single": None if self.single is None else self.single.to_dict(),
            }
        )


def audit_counterfactuals(
    model: TrainedModel, pairs: CounterfactualPairs, *, threshold: float, confidence_level: float = 0.95
) -> CounterfactualAudit:
    """Ask ``model`` about every clone; whoever scores ``threshold`` and above is flagged.

    Intervals and p-values are about people drawn as the profiles were: more profiles make them as narrow as one likes,
    and say nothing of how many such people there are.

    Raises
    ------
    InputError
        Before anything is scored: a column that the model takes and the profiles lack or that holds no numbers, a value
        that the model never saw, a threshold or confidence level out of bounds.
    """
    if problems := [*_misjudged(threshold, confidence_level), *check_against(model, pairs)]:
        raise InputError(problems)
    return judged(model, pairs, clone_scores(model, pairs), threshold=threshold, confidence_level=confidence_level)


def clone_scores(model: TrainedModel, pairs: CounterfactualPairs) -> np.ndarray:
    """The model's score of each profile as each clone, shape (n, k).

    Raises InputError as :func:`audit_counterfactuals`, before it scores.
    """
    if problems := check_against(model, pairs):
        raise InputError(problems)
    return model.predict_score(pairs.frame()).reshape(len(pairs), -1)


def beside(model: TrainedModel, dataset: AuditDataset) -> list[str]:
    """The columns that the model takes and that are no protected attributes, nor what these were made from: where
    proxies may be.
    """
    takes = [model.columns.get(f.name, f.name) for f in model.features]
    return [n for n in takes if n in dataset.frame and n not in dataset.roles.sensitive and n not in dataset.sources]


def decisions_of(model: TrainedModel, polarity: str) -> tuple[str, str]:
    """What the decision under, and at or over, the threshold is called: by the model's card, else by whether a flag
    harms or helps.
    """
    return tuple(model.card.get("decisions", _DECISIONS[polarity]))


def usual_threshold(model: TrainedModel, dataset: AuditDataset, *, random_state: int = 0) -> float:
    """The model's own, where its card says one; else that at which as many rows are flagged as had the outcome, rounded
    to a thousandth of the scores' spread, up to a power of ten.
    """
    if "threshold" in model.card:
        return float(model.card["threshold"])
    some = np.arange(len(dataset))
    if len(some) > _MOST_ROWS:
        some = np.random.default_rng(random_state).choice(some, _MOST_ROWS, replace=False)
    scores = model.predict_score(dataset.frame.iloc[some])
    spread = float(np.ptp(scores)) or 1.0
    return round(float(np.quantile(scores, 1 - dataset.y_true.mean())), 2 - int(np.floor(np.log10(spread))))


def judged(
    model: TrainedModel,
    pairs: CounterfactualPairs,
    scores: np.ndarray,
    *,
    threshold: float,
    confidence_level: float = 0.95,
) -> CounterfactualAudit:
    """The audit of scores that are there already: another threshold costs no scoring."""
    if problems := _misjudged(threshold, confidence_level):
        raise InputError(problems)
    dataset = pairs.dataset
    flagged = scores >= threshold
    summary = summarise(
        scores,
        flagged,
        contrasts(pairs.clones),
        pairs.person,
        flag_helps=pairs.polarity == "assistive",
        confidence_level=confidence_level,
    )
    takes = {model.columns.get(f.name, f.name) for f in model.features}
    return CounterfactualAudit(
        made=pairs,
        scores=scores,
        model=_card(model),
        threshold=float(threshold),
        confidence_level=confidence_level,
        decisions=decisions_of(model, pairs.polarity),
        unseen=tuple(name for name in pairs.clones if name not in takes),
        notes=tuple(_notes(model, pairs)),
        summary=summary,
        overall=_overall(flagged, pairs.person, confidence_level),
        roles=dataset.roles if dataset else None,
        dataset=_described(dataset, pairs),
        ledger=dataset.ledger_table() if dataset else pd.DataFrame(columns=["step", "detail", "n_rows", "n_left"]),
    )


def _misjudged(threshold: Any, confidence_level: Any) -> list[Problem]:
    found = []
    if not isinstance(threshold, (int, float, np.integer, np.floating)) or not np.isfinite(threshold):
        found.append(Problem("threshold", "a finite number", "something else"))
    if not isinstance(confidence_level, (float, np.floating)) or not 0 < confidence_level < 1:
        found.append(Problem("confidence_level", "a number between 0 and 1", "something else"))
    return found


def check_against(model: TrainedModel, pairs: CounterfactualPairs) -> list[Problem]:
    """What keeps ``model`` from being asked about ``pairs``, found on one row of each value."""
    first = pairs.frame(np.arange(min(len(pairs), 1)))
    problems, _ = model.match(first)
    for feature in model.features:
        name = model.columns.get(feature.name, feature.name)
        if not feature.levels or not (name in pairs.clones or (name in pairs.profiles and pairs.source != "rows")):
            continue
        known = set(feature.levels)
        if name in pairs.clones:
            values = pairs.clones[name]
        else:
            values = pairs.profiles[name].drop_duplicates()
            # What real rows hold and training rows did not is rare, and the model has its way with it; what somebody
            # chose is a slip.
            known |= (
                set()
                if pairs.dataset is None or name not in pairs.dataset.frame
                else set(as_groups(pairs.dataset.frame[name].drop_duplicates()))
            )
        unknown = set(as_groups(values.dropna())) - known
        if unknown:
            expected = f"some of the {len(feature.levels)} that the model has seen"
            problems.append(Problem(f"values of {shown(name)}", expected, f"{len(unknown)} that it never saw"))
    return problems


def _notes(model: TrainedModel, pairs: CounterfactualPairs) -> list[str]:
    dataset = pairs.dataset
    found = []
    takes = {model.columns.get(f.name, f.name) for f in model.features}
    others = sorted((dataset.sources if dataset else frozenset()) & takes)
    if others:
        found.append(
            f"The model takes {listed(others)}, from which a protected attribute was made, and that did not "
            "change: change it too."
        )
    fine = [
        name
        for name in pairs.clones
        if pd.api.types.is_numeric_dtype(pairs.clones[name])
        and (dataset is None or dataset.frame[name].nunique() > FEW)
    ]
    outside = [
        name
        for name in fine
        if dataset is not None
        and not pairs.clones[name].between(dataset.frame[name].min(), dataset.frame[name].max()).all()
    ]
    if outside:
        found.append(f"Some values of {listed(outside)} lie outside the data: what the model says there is a guess.")
    if fine:
        found.append(
            f"{listed(fine)} changed alone: a clone may be somebody who cannot be (as young as that, with such a "
            "history)."
        )
    if share := round(100 * pairs.options.get("n_alone", 0) / max(len(pairs), 1)):
        found.append(
            f"{share} % of the profiles are a real row as it is: nobody shares all values but the numbers with it."
        )
    if pairs.source == "profiles" and len(pairs.profiles.columns) - len(pairs.reading) > 1:
        found.append(
            "The columns of these profiles were drawn independently: some describe nobody who exists. “Between "
            "real rows” avoids that."
        )
    return found


def _overall(flagged: np.ndarray, person: np.ndarray, confidence_level: float) -> dict[str, Any]:
    flips = flagged.any(axis=1) & ~flagged.all(axis=1)
    low, high = rate_bounds(flips, person, confidence_level)
    return {
        "n": len(flips),
        "n_flips": int(flips.sum()),
        "flip_rate": float(flips.mean()),
        "low": low,
        "high": high,
        "people_flip": len(np.unique(person[flips])),
        "people_keep": len(np.unique(person[~flips])),
    }


def _card(model: TrainedModel) -> dict[str, Any]:
    kept = ("title", "algorithm", "kind", "file", "sha256", "outcome", "random_state", "unaware")
    return {"title": model.title, "takes": [model.columns.get(f.name, f.name) for f in model.features]} | {
        key: model.card[key] for key in kept if key in model.card
    }


def _described(dataset: AuditDataset | None, pairs: CounterfactualPairs) -> dict[str, Any]:
    if dataset is None:
        return {"name": "profiles", "n": len(pairs), "sha256": ""}
    return {"name": dataset.name, "n": len(dataset), "sha256": dataset.sha256, "digest": dataset.digest}
