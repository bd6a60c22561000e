"""The report as a document: one plain structure that PDF, HTML and JSON all render."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from recidiv_core.charts.theme import VERDICT_MARKS
from recidiv_core.counterfactuals import CounterfactualAudit
from recidiv_core.data import Roles
from recidiv_core.groups import GroupAudit
from recidiv_core.models import ModelComparison
from recidiv_core.privacy import ReleaseAudit
from recidiv_core.recidivism import RecidivismData
from recidiv_core.report import counterfactuals, groups, models, privacy, recidivism, sentencing, slices, thresholds
from recidiv_core.report.blocks import table_block
from recidiv_core.report.fonts import printable
from recidiv_core.report.manifest import manifest
from recidiv_core.report.method import METHOD, REFERENCES
from recidiv_core.report.suppression import suppress, withheld_metrics
from recidiv_core.sentencing import SentencingAudit
from recidiv_core.slices import SliceAudit
from recidiv_core.thresholds import FairnessScale, ThresholdAudit
from recidiv_core.words import points


@dataclass(frozen=True)
class Entry:
    """A result that somebody put into the report, with a note of their own."""

    result: Any
    note: str = ""


@dataclass(frozen=True)
class _Writer:
    """How the report writes one kind of result.

    ``protect`` withholds what would show a small cell; the others take what it returns: ``facts`` are pairs of texts,
    ``summary`` holds (about, verdict or None, answer), ``withheld`` has attribute, group, what, ``sections`` have a
    title and blocks (see :mod:`recidiv_core.report.blocks`).
    """

    protect: Callable[..., Any]
    facts: Callable[[Any], list[list[str]]]
    summary: Callable[[Any], list[tuple[str, str | None, str]]]
    sections: Callable[[Any], list[dict[str, Any]]]
    ledger: Callable[[Any], dict[str, Any]]
    withheld: Callable[..., pd.DataFrame]
    question: str = "How are the groups treated?"


_WRITERS = {
    GroupAudit: _Writer(
        protect=suppress,
        facts=groups.facts,
        summary=groups.summary,
        sections=groups.sections,
        ledger=groups.ledger_section,
        withheld=withheld_metrics,
    ),
    ThresholdAudit: _Writer(
        protect=thresholds.protect,
        facts=thresholds.facts,
        summary=thresholds.summary,
        sections=thresholds.sections,
        ledger=lambda audit: groups.ledger_section(audit.groups),
        withheld=lambda audit, **limit: withheld_metrics(audit.groups, **limit),
    ),
    FairnessScale: _Writer(
        protect=thresholds.protect_scale,
        facts=thresholds.scale_facts,
        summary=thresholds.scale_summary,
        sections=thresholds.scale_sections,
        ledger=lambda scale: groups.ledger_section(scale.groups),
        withheld=lambda scale, **limit: withheld_metrics(scale.groups, **limit),
    ),
    SliceAudit: _Writer(
        protect=slices.protect,
        facts=slices.facts,
        summary=slices.summary,
        sections=slices.sections,
        ledger=groups.ledger_section,
        withheld=slices.withheld,
        question="Where does the model fail?",
    ),
    RecidivismData: _Writer(
        protect=recidivism.protect,
        facts=recidivism.facts,
        summary=recidivism.summary,
        sections=recidivism.sections,
        ledger=recidivism.ledger,
        withheld=recidivism.withheld,
        question="Who comes back, and who can say?",
    ),
    ModelComparison: _Writer(
        protect=models.protect,
        facts=models.facts,
        summary=models.summary,
        sections=models.sections,
        ledger=groups.ledger_section,
        withheld=models.withheld,
        question="How well can it be predicted, and by what?",
    ),
    CounterfactualAudit: _Writer(
        protect=counterfactuals.protect,
        facts=counterfactuals.facts,
        summary=counterfactuals.summary,
        sections=counterfactuals.sections,
        ledger=groups.ledger_section,
        withheld=counterfactuals.withheld,
        question="Does the decision change with nothing but the attribute?",
    ),
    SentencingAudit: _Writer(
        protect=sentencing.protect,
        facts=sentencing.facts,
        summary=sentencing.summary,
        sections=sentencing.sections,
        ledger=sentencing.ledger,
        withheld=sentencing.withheld,
        question="How do sentences deviate from the guidelines?",
    ),
    ReleaseAudit: _Writer(
        protect=privacy.protect,
        facts=privacy.facts,
        summary=privacy.summary,
        sections=privacy.sections,
        ledger=groups.ledger_section,
        withheld=privacy.withheld,
        question="Does a copy keep the use, and whom does it give away?",
    ),
}

_COUNTED = dict.fromkeys(("recidivism", "models", "counterfactuals", "privacy"), "rows") | {"sentencing": "sentences"}


def entries(results: Any) -> list[Entry]:
    """One result, or several, with or without notes, as entries."""
    many = results if isinstance(results, Sequence) else [results]
    return [item if isinstance(item, Entry) else Entry(item) for item in many]


def protect(result: Any, *, min_cell: int) -> Any:
    """A result as it may be published: what would show a cell of fewer than ``min_cell`` people is withheld."""
    return _WRITERS[type(result)].protect(result, min_cell=min_cell)


def withheld(results: Any, *, min_cell: int) -> pd.DataFrame:
    """attribute, group (or slice), what: the figures that the report will not show."""
    found = [_WRITERS[type(entry.result)].withheld(entry.result, min_cell=min_cell) for entry in entries(results)]
    return pd.concat(found, ignore_index=True).drop_duplicates()


def summary(result: Any) -> list[tuple[str, str | None, str]]:
    """What a protected result says: about what, verdict (None where there is none), and the answer."""
    return _WRITERS[type(result)].summary(result)


def document(results: Any, *, min_cell: int) -> dict[str, Any]:
    """The whole report as plain values: title, facts, summary, sections, method, references, manifest.

    A section holds blocks: ``{"kind": "heading" | "text" | "table" | "figure", …}``; a figure holds its SVG and its
    alternative text, a table its columns, which of them are numeric, and its rows as text.
    """
    found = [Entry(protect(entry.result, min_cell=min_cell), entry.note) for entry in entries(results)]
    first = found[0].result
    writer = _WRITERS[type(first)]
    facts = [_facts(entry.result, _WRITERS[type(entry.result)].facts(entry.result), min_cell) for entry in found]
    said = [_said(*item) for entry in found for item in summary(entry.result)]
    content = {
        "title": f"{writer.question} An audit of {first.dataset['name']}",
        "facts": facts[0],
        "summary": [item for position, item in enumerate(said) if item not in said[:position]],
        "sections": [
            {"note": "", **writer.ledger(first)},
            *(s for entry, own in zip(found, facts, strict=True) for s in _sections(entry, _others(own, facts[0]))),
        ],
        "method": list(METHOD),
        "references": list(REFERENCES),
        "manifest": manifest([entry.result for entry in found]),
    }
    return _printable(content)


def _said(about: str, verdict: str | None, answer: str) -> dict[str, str]:
    mark = VERDICT_MARKS.get(verdict)
    return {
        "attribute": about,
        "verdict": mark.word if mark else "",
        "sign": mark.sign if mark else "",
        "answer": answer,
    }


def _sections(entry: Entry, about: list[list[str]]) -> list[dict[str, Any]]:
    """An entry's sections; its note, and what it is ``about`` that the report's first page does not say, stand in
    the first.
    """
    own = _WRITERS[type(entry.result)].sections(entry.result)
    told = [table_block("What this is about", ["What", "Value"], [False, False], about)] if about else []
    first = own[0] | {"note": entry.note, "blocks": [*told, *own[0]["blocks"]]}
    return [first, *(section | {"note": ""} for section in own[1:])]


def _others(facts: list[list[str]], first: list[list[str]]) -> list[list[str]]:
    """The facts that are not among the first result's."""
    return [fact for fact in facts if fact not in first]


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {key: item if key == "manifest" else _printable(item) for key, item in value.items()}
    return [_printable(item) for item in value] if isinstance(value, list) else value


def _of_roles(roles: Roles) -> list[list[str]]:
    return [
        ["Outcome", f"{roles.label} = {roles.positive_label}"],
        ["Score", roles.score or "none"],
        ["A flag", "harms the person (punitive)" if roles.polarity == "punitive" else "helps the person (assistive)"],
        ["Protected attributes", ", ".join(roles.sensitive) or "none"],
    ]


def _facts(result: Any, own: list[list[str]], min_cell: int) -> list[list[str]]:
    n = f"{result.dataset['n']:,} {_COUNTED.get(result.room, 'people')}"
    return [
        ["Table", f"{result.dataset['name']}, {n}"],
        *(_of_roles(result.roles) if isinstance(result.roles, Roles) else []),
        *([["Tolerance", points(result.options["tolerance"])]] if "tolerance" in result.options else []),
        *own,
        ["Smallest cell published", f"{min_cell} people"],
        ["Data, sha256", result.dataset["sha256"]],
    ]
