"""The controls of the Privacy page, and what they ask for: the split, the copies with their audits, and the public
table to link to.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
import streamlit as st

from recidiv_core.data import AuditDataset, Table, csv_bytes, read_table, sample_census
from recidiv_core.models import ALGORITHMS, TRAINABLE, training_dataset
from recidiv_core.privacy import (
    FIRST_ALGORITHMS,
    SIMILARITIES,
    CopyAudit,
    LinkageAudit,
    LinkField,
    ReleaseAudit,
    Split,
    SyntheticTable,
    audit_baseline,
    audit_copy,
    audit_release,
    copied_columns,
    link_records,
    nearest_values,
    outside_copy,
    split_real,
    split_with,
    synthesize,
)
from recidiv_core.ui.bench import TABLE_TYPES
from recidiv_core.ui.exchange import download
from recidiv_core.ui.parts import literal
from recidiv_core.ui.state import Session
from recidiv_core.ui.uploads import uploaded
from recidiv_core.ui.work import long_work

# What a copy is called, how it is made, and about how long that takes beside judging it (1).
_COPIES: dict[str, tuple[str, dict[str, Any], float]] = {
    "undersample": ("Under-sampled 50:50", {"method": "undersample", "ratio": 0.5}, 0.0),
    "undersample 35": ("Under-sampled 35:65", {"method": "undersample", "ratio": 0.35}, 0.0),
    "smote": ("SMOTE 50:50", {"method": "smote", "ratio": 0.5}, 0.3),
    "copula": ("Gaussian copula", {"method": "copula"}, 0.0),
    "ctgan": ("CTGAN", {"method": "ctgan"}, 10.0),
}
_FIRST = ("undersample", "smote", "copula")
_QUICK_ROWS = 20_000
_RATIOS = {None: "as in the table", 0.5: "50 : 50", 0.35: "35 : 65"}
_NONE = "(none)"


@dataclass(frozen=True)
class CopyChoices:
    """What the controls say."""

    copies: tuple[str, ...]
    columns: tuple[str, ...] | None
    ratio: float | None
    epochs: int
    algorithm: str
    random_state: int
    title: str | None = None  # of the copy looked at
    seen: tuple[str, ...] = ()  # the copies there were then
    linked: dict[str, Any] | None = None  # the key, fields and truth of the linkage asked for


def controls(current: Session, dataset: AuditDataset) -> CopyChoices:
    """Draw the controls and return what they say; they stand where they were left, also after a look at other pages."""
    old: CopyChoices | None = current.copy_choices
    key = dataset.digest[:10]
    copies = _copies(dataset, old, key)
    algorithms = list(TRAINABLE)
    algorithm = st.selectbox(
        "Use is judged by",
        algorithms,
        algorithms.index(getattr(old, "algorithm", FIRST_ALGORITHMS[0])),
        format_func=lambda n: ALGORITHMS[n].title,
        key="copies algorithm",
        help="A model of this kind is trained on each copy and judged on real people; a random forest and a logistic "
        "regression always stand beside it.",
    )
    with st.expander("More"):
        columns = _columns(dataset, old, key)
        ratio, epochs = _drawn(old)
        seed = st.number_input(
            "Seed",
            0,
            2**31 - 1,
            getattr(old, "random_state", 0),
            key="copies seed",
            help="Of the split, the copies and the attacks.",
        )
        left_out = {} if columns else copied_columns(dataset)[1]
        if left_out:
            reasons = "; ".join(f"{name}: {reason}" for name, reason in left_out.items())
            st.caption(literal(f"Not copied: {reasons}."))
    current.copy_choices = CopyChoices(
        copies=tuple(copies),
        columns=columns,
        ratio=ratio,
        epochs=epochs,
        algorithm=algorithm,
        random_state=int(seed),
        title=getattr(old, "title", None),
        seen=getattr(old, "seen", ()),
        linked=getattr(old, "linked", None),
    )
    return current.copy_choices


def _copies(dataset: AuditDataset, old: CopyChoices | None, key: str) -> list[str]:
    """The copies to make, of those that the rarer outcome allows."""
    rare = min(dataset.base_rate, 1 - dataset.base_rate)
    offered = [
        name for name, (_, own, _) in _COPIES.items() if own["method"] != "undersample" or rare < own["ratio"] - 0.005
    ]
    offered = [name for name in offered if name != "smote" or rare < 0.495]
    return st.multiselect(
        "Copies to make",
        offered,
        [n for n in getattr(old, "copies", _FIRST) if n in offered],
        format_func=lambda name: _COPIES[name][0],
        key=f"copies {key}",
        help="Real rows thinned, and SMOTE, keep real people's rows: they show what giving away looks like. A Gaussian "
        "copula and CTGAN draw every row; CTGAN takes about a minute.",
    )


def _columns(dataset: AuditDataset, old: CopyChoices | None, key: str) -> tuple[str, ...] | None:
    """The columns to copy; None while they are those that the program would take."""
    taken = {dataset.roles.label, *dataset.roles.sensitive, dataset.roles.id}
    free = [n for n in dataset.frame if n not in taken]
    first = [n for n in (getattr(old, "columns", None) or ()) if n in free]
    picked = st.multiselect(
        "Columns to copy",
        free,
        first,
        key=f"copies columns {key}",
        placeholder="as the program chooses",
        help="Besides the outcome and the protected attributes. Empty: those that a model may take. Ids, dates and "
        "free texts are never copied.",
    )
    return tuple(picked) or None


def _drawn(old: CopyChoices | None) -> tuple[float | None, int]:
    """How common outcomes are in copies that draw every row, and how often CTGAN goes through the table."""
    ratio = st.selectbox(
        "Outcomes in drawn copies",
        list(_RATIOS),
        list(_RATIOS).index(getattr(old, "ratio", None)),
        format_func=_RATIOS.get,
        key="copies ratio",
    )
    epochs = st.number_input(
        "CTGAN: epochs",
        1,
        2_000,
        getattr(old, "epochs", 150),
        step=50,
        key="copies epochs",
        help="How often it goes through the table.",
    )
    return ratio, int(epochs)


def split_of(current: Session, dataset: AuditDataset, choices: CopyChoices) -> Split:
    """The two parts: halves of the real table, or all of it and the holdout uploaded."""
    other: Table | None = current.compared.get("copy holdout")
    key = ("split", dataset.digest, None if other is None else other.sha256, choices.random_state)
    if other is None:
        return current.built(key, lambda: split_real(dataset, random_state=choices.random_state))
    return current.built(key, lambda: split_with(dataset, _like(dataset, other), random_state=choices.random_state))


def _like(dataset: AuditDataset, table: Table) -> AuditDataset:
    """Another table with the same roles."""
    roles = dataset.roles
    return training_dataset(
        table,
        outcomes=[roles.label],
        sensitive=roles.sensitive,
        features=roles.features,
        positive_label=roles.positive_label,
        polarity=roles.polarity,
    )


def uploaded_holdout(current: Session, dataset: AuditDataset) -> None:
    """Other people, whom no copy has seen: where they are given, the whole table is what copies are made from."""
    table = _table(
        current,
        "copy holdout",
        "Other people, as holdout (optional)",
        "Real people that no copy was made from, in a table like this one. Without it the table is dealt into two "
        "halves; with it copies are made anew, from all of it.",
        lambda table: split_with(dataset, _like(dataset, table)),
    )
    if table is not None:
        st.caption("Copies are made from the whole table, and judged with these people.")


def _table(
    current: Session, name: str, label: str, hint: str, check: Callable[[Table], Any] = lambda table: None
) -> Table | None:
    """A table from a file that passes ``check``, with a button that takes it away."""

    def load(data: bytes, file: str) -> Table:
        table = read_table(data, name=file)
        check(table)
        return table

    table = uploaded(current, name, label=label, types=TABLE_TYPES, load=load, hint=hint)
    if table is not None:
        st.button(
            f"Without {literal(table.name)}",
            key=f"drop {name}",
            type="tertiary",
            icon=":material/close:",
            on_click=lambda: current.compared.pop(name, None),
        )
    return table


def outside(current: Session, split: Split) -> None:
    """A copy made elsewhere, and the part of the real table that it has to be made from."""
    name, part = "copy made elsewhere", split.train.digest

    def check(table: Table) -> None:
        outside_copy(split, table.frame, name=table.name, sha256=table.sha256)
        current.uploads["made from"] = part

    if name in current.compared and current.uploads.get("made from") != part:
        table = current.compared.pop(name)
        st.info(
            literal(f"{table.name} is gone: it was made from another training part. Make one from this, and upload it.")
        )
    _table(
        current,
        name,
        "A copy made elsewhere",
        "A table with the same column names, made from the training part alone. It is judged beside those made here.",
        check,
    )
    st.caption(
        "It must have been made from the training part alone: else the holdout is none, and the verdict means nothing."
    )
    download(
        "Download the training part (real people)",
        lambda: csv_bytes(split.train.frame),
        "train.csv",
        "text/csv",
        key="copies train",
        type="tertiary",
        icon=":material/download:",
    )


def _algorithms(choices: CopyChoices) -> tuple[str, ...]:
    return tuple(dict.fromkeys([choices.algorithm, *FIRST_ALGORITHMS]))


def release_of(
    current: Session, dataset: AuditDataset, split: Split, choices: CopyChoices
) -> tuple[ReleaseAudit, dict[str, SyntheticTable]] | None:
    """What is finished of the copies chosen.

    The rest is made when asked for, or by itself where that is quick; what is finished stays when it is stopped.
    """
    done = current.compared
    given = (split.train.digest, split.holdout.digest, choices.random_state, choices.columns, _algorithms(choices))
    base = ("copies baseline", *given)

    def key(name: str) -> Any:
        own = (choices.ratio if name in ("copula", "ctgan") else None, choices.epochs if name == "ctgan" else None)
        return ("copy", name, *own, *given)

    table: Table | None = done.get("copy made elsewhere")
    elsewhere = None if table is None else ("copy", table.sha256, *given)
    wanted = [*(key(name) for name in choices.copies), *([elsewhere] if elsewhere else [])]
    missing = [own for own in wanted if own not in done]
    if missing or base not in done:

        def run(report) -> None:
            total, passed = 1 + sum(1 + _cost(own) for own in missing), 0.0

            def part(width: float) -> Callable[[float, str], None]:
                """Progress of the next piece of work, which is so much of the whole."""
                nonlocal passed
                start, passed = passed, passed + width
                return lambda share, text: report((start + share * width) / total, text)

            algorithms = _algorithms(choices)
            told = part(1.0)
            if base not in done:
                done[base] = audit_baseline(split, algorithms=algorithms, progress=told)
            for own in missing:
                told = part(_cost(own))
                if own == elsewhere:
                    copy = outside_copy(split, table.frame, name=table.name, sha256=table.sha256)
                else:
                    copy = _made(split, own[1], choices, told)
                done[own] = copy, audit_copy(split, copy, algorithms=algorithms, progress=part(1.0))

        n = len(missing)
        is_quick = len(dataset) <= _QUICK_ROWS and not any(own[1] == "ctgan" for own in missing)
        label = f"Make and judge {n} cop{'ies' if n != 1 else 'y'}" if n else "Judge the real rows"
        long_work(label, key="copies", run=run, of=(base, *missing) if is_quick else None)
    if base not in done:
        return None
    found: list[tuple[SyntheticTable, CopyAudit]] = [done[own] for own in wanted if own in done]
    release = audit_release(
        split, [audit for _, audit in found], baseline=done[base], name=dataset.name, algorithm=choices.algorithm
    )
    return release, {audit.title: copy for copy, audit in found}


def _cost(key: Any) -> float:
    """About how long making a copy takes beside judging it; nothing for one made elsewhere."""
    return _COPIES[key[1]][2] if key[1] in _COPIES else 0.0


def _made(split: Split, name: str, choices: CopyChoices, progress) -> SyntheticTable:
    _, options, _ = _COPIES[name]
    own: dict[str, Any] = dict(options)
    if name in ("copula", "ctgan"):
        own["ratio"] = choices.ratio
    if name == "ctgan":
        own["epochs"] = choices.epochs
    return synthesize(split.train, columns=choices.columns, random_state=choices.random_state, progress=progress, **own)


def choose_copy(current: Session, release: ReleaseAudit) -> CopyAudit:
    """The copy that the page looks at."""
    titles = [copy.title for copy in release.copies]
    seen, first = current.copy_choices.seen, current.copy_choices.title
    if new := [t for t in titles if seen and t not in seen]:
        first = new[-1]  # what has just come is what one wants to see
    title = st.segmented_control(
        "Copy",
        titles,
        default=first if first in titles else titles[-1],
        required=True,
        format_func=literal,
        key=f"copy looked at {hash(tuple(titles))}",
    )
    current.copy_choices = replace(current.copy_choices, title=title, seen=tuple(titles))
    return release.copies[titles.index(title)]


def offer(copy: SyntheticTable) -> None:
    """The copy with its card, as one file."""
    download(
        "Download this copy with its card",
        copy.archive,
        "copy.zip",
        "application/zip",
        key="copies download",
        icon=":material/download:",
        help="CSV and Parquet (exact types), and a card: how it was made, from what, and what the audit found.",
    )


def public_table(current: Session) -> tuple[str, pd.DataFrame, str] | None:
    """The public table to link to, its name and digest: one uploaded, else the sample's census."""
    table = _table(
        current,
        "public table",
        "A public table, such as a census of places",
        "A table that anybody can get, which shares columns with the copy.",
    )
    if table is not None:
        return table.name, table.frame, table.sha256
    if current.training.table.name != "residents":
        return None
    return "the sample's simulated census", sample_census(), "census"


def linkage_choices(
    current: Session, real: pd.DataFrame, copy: pd.DataFrame, public: pd.DataFrame
) -> dict[str, Any] | None:
    """The key, the fields and what says which public record is true."""
    shared = [n for n in copy if n in public]
    if not shared:
        st.info("The copy and this table have no column name in common.")
        return None
    old = current.copy_choices.linked or {}
    numbers = [n for n in shared if pd.api.types.is_numeric_dtype(copy[n]) and pd.api.types.is_numeric_dtype(public[n])]
    token = f"{hash((tuple(copy), tuple(public)))}"
    left, right = st.columns(2)
    keys = [_NONE, *[n for n in shared if n not in numbers], *numbers]
    start = old.get("key", keys[1] if len(keys) > 1 and keys[1] not in numbers else _NONE)
    key = left.selectbox(
        "Blocking key",
        keys,
        keys.index(start) if start in keys else 0,
        key=f"link key {token}",
        help="Only records with the same value are compared; R takes the degree of social backwardness.",
    )
    free = [n for n in shared if n != key]
    first = [n for n in old.get("fields", numbers) if n in free] or free[:2]
    fields = right.multiselect("Fields to compare", free, first, key=f"link fields {token} {key}")
    chosen = {}
    if fields:
        places = st.columns(min(len(fields), 4))
        for i, name in enumerate(fields):
            kinds = [k for k in SIMILARITIES if k != "number" or name in numbers]
            kind = old.get("kinds", {}).get(name, "number" if name in numbers else "exact")
            chosen[name] = places[i % len(places)].selectbox(
                f"{literal(name)}: alike by",
                kinds,
                kinds.index(kind) if kind in kinds else 0,
                key=f"link kind {token} {name}",
                help="; ".join(f"{k}: {w}" for k, w in SIMILARITIES.items()),
            )
    names = [_NONE, *[n for n in public if n in real and n != key and public[n].is_unique]]
    start = old.get("truth", names[-1])
    truth = st.selectbox(
        "Which public record is true",
        names,
        names.index(start) if start in names else len(names) - 1,
        key=f"link truth {token}",
        help="A column of the real table that names the public record a person belongs to. A record of the copy is "
        "then truly of the place of the real record nearest to it.",
    )
    made = {"key": key, "fields": fields, "kinds": chosen, "truth": truth}
    current.copy_choices = replace(current.copy_choices, linked=made)
    if not fields:
        st.info("Choose at least one field to compare.")
    return made if fields else None


def linkage_of(
    current: Session,
    split: Split,
    copy: SyntheticTable,
    audit: CopyAudit,
    public: pd.DataFrame,
    digest: str,
    asked: dict[str, Any],
) -> LinkageAudit | None:
    """The linkage asked for, made once."""
    key = ("linkage", split.train.digest, copy.title, repr(copy.card), digest, repr(asked))
    if key not in current.compared:
        fields = [LinkField(n, asked["kinds"][n]) for n in asked["fields"]]
        block_on = None if asked["key"] == _NONE else asked["key"]
        is_known = asked["truth"] != _NONE

        def run(report) -> None:
            current.compared[key] = link_records(
                copy.frame,
                public.set_index(asked["truth"], drop=False) if is_known else public,
                block_on=block_on,
                fields=fields,
                truth=nearest_values(split, copy, audit, asked["truth"]) if is_known else None,
                progress=report,
            )

        is_quick = len(copy.frame) * len(public) <= 20_000_000
        long_work("Link them", key="linkage", run=run, of=key if is_quick else None)
    return current.compared.get(key)
