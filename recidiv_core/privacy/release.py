"""Copies of one real table side by side: what each keeps of the use, whom it gives away, and how its models treat
the groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from recidiv_core.data import AuditDataset, Roles, shown
from recidiv_core.errors import InputError, Problem
from recidiv_core.models import rows_of, splits, usable_features
from recidiv_core.plain import plain
from recidiv_core.privacy.attacks import AttackAudit, audit_attacks
from recidiv_core.privacy.audit import CANNOT, FEWEST, LEAKS, PrivacyAudit, audit_privacy, overlap
from recidiv_core.privacy.distances import Progress, nearest_records
from recidiv_core.privacy.fidelity import Fidelity, fidelity
from recidiv_core.privacy.linkage import LinkageAudit
from recidiv_core.privacy.synthesize import SyntheticTable
from recidiv_core.privacy.utility import FIRST_ALGORITHMS, UtilityAudit, audit_utility

REAL = "Real, training part"
SUMMARY = ["n", "nearer_to_train", "low", "high", "verdict", "copies", "dcr_mean", "dcr_sd", "dcr_5", "nndr"]


@dataclass(frozen=True, eq=False)
class Split:
    """The real table in two parts, all rows of one person in one: copies are made from ``train`` and judged with
    ``holdout``.
    """

    train: AuditDataset
    holdout: AuditDataset
    random_state: int


def split_real(dataset: AuditDataset, *, random_state: int = 0) -> Split:
    """Half of the people, and the others: with parts of one size every training record counts where nearest neighbours
    are compared.

    Raises
    ------
    InputError
        Where a part would have fewer than 50 rows.
    """
    used, _ = usable_features(dataset)
    rows = rows_of(dataset, used, dataset.roles.sensitive[0])
    if len(dataset) < 4 * FEWEST:
        raise InputError.one("table", f"at least {4 * FEWEST} rows, to be split in two", f"{len(dataset):,}")
    test = next(splits(rows, 2, random_state))[1]
    is_held_out = np.zeros(len(dataset), bool)
    is_held_out[test] = True
    return Split(dataset.where(~is_held_out), dataset.where(is_held_out), random_state)


def split_with(train: AuditDataset, holdout: AuditDataset, *, random_state: int = 0) -> Split:
    """Two tables with the same roles as the two parts: copies were made from all of ``train`` and from none of
    ``holdout``.

    Raises
    ------
    InputError
        Where one has fewer than 50 rows, or the holdout lacks a column that a model may take.
    """
    used, _ = usable_features(train)
    problems = [
        Problem(title, f"at least {FEWEST} rows", f"{len(own):,}")
        for title, own in (("train", train), ("holdout", holdout))
        if len(own) < FEWEST
    ]
    problems += [
        Problem(f"holdout, column {shown(f.name)}", "a column of both tables", "no such column")
        for f in used
        if f.name not in holdout.frame
    ]
    if not problems:
        names = [f.name for f in used] + [train.roles.label]
        if doubt := overlap(train.frame[names], holdout.frame[names]):
            problems.append(Problem("holdout", "people who are not in the table", doubt))
    if problems:
        raise InputError(problems)
    return Split(train, holdout, random_state)


@dataclass(frozen=True, eq=False)
class CopyAudit:
    """One copy: its card, whom it gives away, how like the real table it is, what attacks gain and what models
    trained on it do.
    """

    title: str
    card: dict[str, Any]
    privacy: PrivacyAudit
    attacks: AttackAudit
    likeness: Fidelity
    use: UtilityAudit

    @property
    def verdict(self) -> str:
        """That of its distances; given away also where an attack that can be trusted gains more than chance
        explains.
        """
        verdict, worst = self.privacy.verdict, self.attacks.worst
        return LEAKS if verdict != CANNOT and worst is not None and worst["low"] > 0 else verdict

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        own = {name: getattr(self, name).to_dict() for name in ("privacy", "attacks", "likeness", "use")}
        return {"title": self.title, "card": plain(self.card), **own}


@dataclass(frozen=True, eq=False)
class ReleaseAudit:
    """All copies of one table.

    ``baseline`` is what models do that were trained on the real training part; ``algorithm`` the one that the frontier
    reads; ``chosen`` the copy looked at, and linked.
    """

    copies: tuple[CopyAudit, ...]
    baseline: UtilityAudit
    algorithm: str
    dataset: dict[str, Any]
    roles: Roles
    options: dict[str, Any]
    ledger: pd.DataFrame = field(repr=False)
    linkage: LinkageAudit | None = None
    chosen: str | None = None
    room: ClassVar[str] = "privacy"

    @property
    def attributes(self) -> tuple[str, ...]:
        """The protected attributes."""
        return self.roles.sensitive

    @property
    def decided(self) -> dict[str, Any]:
        """What was compared."""
        return {"copies": [copy.title for copy in self.copies], "algorithm": self.algorithm}

    @property
    def use(self) -> UtilityAudit:
        """Of the real rows and all copies."""
        made = self.baseline
        for copy in self.copies:
            made = made.merged(copy.use)
        return made

    @property
    def frontier(self) -> pd.DataFrame:
        """One row per copy, the real training part first: use (auc), privacy (nearer_to_train, copies) and fairness
        (gap), each with bounds.

        The gap is of one attribute in all rows: that with the largest gap where the model was trained on the real
        training part.
        """
        real = self._gaps(self.baseline)
        attribute = real.loc[real["gap"].abs().idxmax(), "attribute"] if len(real) else None
        rows = []
        for title, own, copy in ((REAL, self.baseline, None), *((c.title, c.use, c) for c in self.copies)):
            use = own.table[own.table["algorithm"] == self.algorithm].iloc[0]
            row = {"variant": title} | {name: use[name] for name in ("auc", "auc_low", "auc_high")}
            near = {"nearer_to_train": 1.0, "low": np.nan, "high": np.nan, "copies": 1.0, "verdict": LEAKS}
            row |= (
                near
                if copy is None
                else {name: copy.privacy.summary[name] for name in near} | {"verdict": copy.verdict}
            )
            gaps = self._gaps(own)
            gaps = gaps[gaps["attribute"] == attribute] if len(gaps) else gaps
            names = ("attribute", "group", "reference", "gap", "gap_low", "gap_high", "ratio")
            rows.append(row | ({name: gaps.iloc[0][name] for name in names} if len(gaps) else {}))
        return pd.DataFrame(rows)

    def _gaps(self, use: UtilityAudit) -> pd.DataFrame:
        return use.fairness[use.fairness["algorithm"] == self.algorithm] if len(use.fairness) else use.fairness

    @property
    def distances(self) -> pd.DataFrame:
        """Each copy's distances in one row, and last what the holdout scores."""
        rows = [{"copy": c.title} | {name: c.privacy.summary[name] for name in SUMMARY} for c in self.copies]
        if self.copies:
            first = self.copies[0].privacy.summary
            beside = {name: first[f"baseline_{name}"] for name in SUMMARY if f"baseline_{name}" in first}
            rows.append({"copy": "Holdout (what others score)", "n": self.dataset["n_holdout"]} | beside)
        return pd.DataFrame(rows)

    @property
    def likeness(self) -> pd.DataFrame:
        """How like the real table each copy is, in one row."""
        return pd.DataFrame([{"copy": c.title} | c.likeness.summary for c in self.copies])

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; no record, distance or pair among them."""
        return plain(
            {
                "room": self.room,
                "dataset": self.dataset,
                "roles": self.roles.to_dict(),
                "options": self.options,
                "frontier": self.frontier,
                "baseline": self.baseline.to_dict(),
                "copies": [copy.to_dict() for copy in self.copies],
                "linkage": None if self.linkage is None else self.linkage.to_dict(),
            }
        )


def audit_copy(
    split: Split,
    copy: SyntheticTable,
    *,
    algorithms: Sequence[str] = FIRST_ALGORITHMS,
    confidence_level: float = 0.95,
    progress: Progress = None,
) -> CopyAudit:
    """Judge one copy of ``split.train``."""
    train, holdout, seed = split.train, split.holdout, split.random_state
    columns = [name for name in copy.frame if name in train.frame]
    own = [train.frame[columns], copy.frame[columns], holdout.frame[columns]]
    options = {"random_state": seed, "confidence_level": confidence_level}
    share = _shares(progress)
    privacy = audit_privacy(
        own[0], own[1], holdout=own[2], sensitive=train.roles.sensitive, progress=share(0.0, 0.3), **options
    )
    secrets = list(dict.fromkeys([train.roles.label, *train.roles.sensitive]))
    attacks = audit_attacks(
        own[0], own[1], holdout=own[2], schema=privacy.schema, secrets=secrets, progress=share(0.3, 0.6), **options
    )
    if progress is not None:
        progress(0.6, "looking for differences")
    likeness = fidelity(own[2], own[1], schema=privacy.schema, random_state=seed)
    features = _features(split, columns)
    use = audit_utility(
        {copy.title: copy.frame},
        holdout,
        real_train=train,
        algorithms=algorithms,
        features=features,
        progress=share(0.65, 1.0),
        **options,
    )
    return CopyAudit(title=copy.title, card=copy.card, privacy=privacy, attacks=attacks, likeness=likeness, use=use)


def audit_release(
    split: Split,
    copies: Sequence[CopyAudit],
    *,
    baseline: UtilityAudit,
    name: str,
    algorithm: str = FIRST_ALGORITHMS[0],
    linkage: LinkageAudit | None = None,
) -> ReleaseAudit:
    """The copies side by side; ``name`` is the table's."""
    train, holdout = split.train, split.holdout
    about = {
        "name": name,
        "sha256": train.sha256,
        "digest": train.digest,
        "n": len(train) + len(holdout),
        "n_train": len(train),
        "n_holdout": len(holdout),
    }
    options = {
        "random_state": split.random_state,
        "algorithm": algorithm,
        **{k: v for k, v in baseline.options.items() if k != "random_state"},
    }
    return ReleaseAudit(
        copies=tuple(copies),
        baseline=baseline,
        algorithm=algorithm,
        dataset=about,
        roles=train.roles,
        options=options,
        ledger=train.ledger_table(),
        linkage=linkage,
    )


def audit_baseline(
    split: Split,
    *,
    algorithms: Sequence[str] = FIRST_ALGORITHMS,
    confidence_level: float = 0.95,
    progress: Progress = None,
) -> UtilityAudit:
    """What models do that are trained on the real training part."""
    columns = list(split.train.frame)
    return audit_utility(
        {REAL: split.train.frame},
        split.holdout,
        real_train=split.train,
        algorithms=algorithms,
        features=_features(split, columns),
        random_state=split.random_state,
        confidence_level=confidence_level,
        progress=progress,
    )


def outside_copy(split: Split, frame: pd.DataFrame, *, name: str, sha256: str) -> SyntheticTable:
    """A copy made elsewhere, with the columns that the real table has too.

    Raises
    ------
    InputError
        When it lacks the outcome, a protected attribute or any other column to compare, or has fewer than 50 rows.
    """
    train = split.train
    needed = [train.roles.label, *train.roles.sensitive]
    problems = [
        Problem(f"{shown(name)}, column {shown(n)}", "a column of the copy", "no such column")
        for n in needed
        if n not in frame
    ]
    if len(frame) < FEWEST:
        problems.append(Problem(shown(name), f"at least {FEWEST} rows", f"{len(frame):,}"))
    shared = [
        n for n in train.frame if n in frame and n not in (train.roles.id, train.roles.score, train.roles.prediction)
    ]
    for n in shared:
        is_number = pd.api.types.is_numeric_dtype(train.frame[n]) and not pd.api.types.is_bool_dtype(train.frame[n])
        if is_number and (n_bad := int((pd.to_numeric(frame[n], errors="coerce").isna() & frame[n].notna()).sum())):
            problems.append(
                Problem(
                    f"{shown(name)}, column {shown(n)}",
                    "numbers, as in the real table",
                    f"{n_bad:,} values that are none",
                )
            )
    if problems:
        raise InputError(problems)
    left_out = {n: "not a column of the real table" for n in frame if n not in train.frame} | {
        n: "not a column of the copy" for n in train.frame if n not in frame
    }
    title = f"{name} (made elsewhere)"
    card = {
        "title": title,
        "method": "made elsewhere",
        "how": "Made elsewhere.",
        "n": len(frame),
        "columns": shared,
        "left_out": left_out,
        "ratio": None,
        "sha256": sha256,
    }
    return SyntheticTable(frame[shared].reset_index(drop=True), plain(card))


def _features(split: Split, columns: Sequence[str]) -> list[str]:
    """What a model may take of the real people, as far as the copy has it."""
    used, _ = usable_features(split.train)
    return [f.name for f in used if f.name in columns and split.holdout.frame[f.name].notna().any()]


def _shares(progress: Progress):
    """Progress within a part of the whole."""

    def part(start: float, end: float) -> Progress:
        return None if progress is None else lambda done, text: progress(start + (end - start) * min(done, 1.0), text)

    return part


def with_found(copy: SyntheticTable, audit: CopyAudit, sentences: Sequence[str]) -> SyntheticTable:
    """The copy with what its audit found on its card."""
    use = {row["title"]: row["auc"] for _, row in audit.use.table.iterrows()}
    return replace(
        copy,
        card=copy.card
        | plain({"found": list(sentences), "distances": audit.privacy.summary, "auc_on_real_people": use}),
    )


def nearest_values(split: Split, copy: SyntheticTable, audit: CopyAudit, column: str) -> np.ndarray:
    """For each record of a copy what the training record nearest to it has in ``column``, shape (n,): R's "nearest
    point", as the truth of a linkage.
    """
    _, position = nearest_records(copy.frame, split.train.frame, schema=audit.privacy.schema, k=1)
    return split.train.frame[column].iloc[position[:, 0]].to_numpy()
