"""The section of the room of counterfactual pairs."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd

from recidiv_core.charts.counterfactuals import MAX_CONTRASTS, band_chart, direction_chart, response_chart
from recidiv_core.counterfactuals import FIXED, CounterfactualAudit, counterfactual_answer, one_way, probe_sentence
from recidiv_core.data import MISSING_GROUP
from recidiv_core.report.blocks import DASH, WITHHELD, count_text, figure_block, heading_block, table_block, text_block
from recidiv_core.words import listed, outward

SOURCES = {
    "profiles": "made column by column with Mimesis, ranges and levels",
    "between": "between real rows that are alike",
    "rows": "real rows, flipped",
    "typed": "typed in",
}
_KEYS = ["changed", "from", "to", "n", "n_people", "n_pairs"]
_PEOPLE = ["people_gain", "people_lose", "people_keep"]
_PROFILES = 5


def protect(audit: CounterfactualAudit, *, min_cell: int) -> CounterfactualAudit:
    """The audit as it may be published. Profiles made column by column are of nobody, and all their figures stand.

    Where profiles come from real rows: figures of a change by which some, but fewer than ``min_cell`` people gain, lose
    or keep their decision are withheld, and with them those of all changes (each follows from two others); bands
    likewise, with further ones until what is hidden does not follow from the total; the outer ends of bands and curve,
    a curve of so few, the largest gap, and every pair. Groups of so few are not told by the probe; what was asked about
    a row of the table is left out.
    """
    probes = tuple(
        dataclasses.replace(probe, groups=probe.groups[_are_many(probe.groups, min_cell)]) for probe in audit.proxies
    )
    probes = tuple(probe for probe in probes if len(probe.groups))
    single = None if audit.single is None or audit.single.is_real else audit.single
    audit = dataclasses.replace(audit, proxies=probes, single=single)
    if audit.made.source in ("profiles", "typed"):
        return audit
    overall, summary = dict(audit.overall), audit.summary.copy()
    is_hidden = bool(_are_few(summary, min_cell).any()) or any(
        0 < overall[name] < min_cell for name in ("people_flip", "people_keep")
    )
    if is_hidden:
        figures = [name for name in summary if name not in _KEYS]
        summary[figures] = np.nan
        overall |= {name: np.nan for name in overall if name != "n"}
    summary[["largest_gap", "beyond"]] = np.nan
    return dataclasses.replace(
        audit,
        summary=summary,
        overall=overall,
        scores=audit.scores[:0],
        bands=None if audit.bands is None or is_hidden else _bands(audit.bands, min_cell),
        curve=None if audit.curve is None or is_hidden else _curve(audit, min_cell),
        made=dataclasses.replace(audit.made, profiles=audit.made.profiles.iloc[:0], person=audit.made.person[:0]),
    )


def _are_few(table: pd.DataFrame, min_cell: int) -> pd.Series:
    """Rows in which some, but fewer than ``min_cell`` people gain, lose, or keep their decision."""
    counts = table[_PEOPLE]
    return ((counts > 0) & (counts < min_cell)).any(axis=1) | (table["n"] < min_cell)


def _bands(bands: pd.DataFrame, min_cell: int) -> pd.DataFrame | None:
    """The bands that may be published: what is hidden together has no small cell either.

    The outer ends are somebody's, and open.
    """
    hidden = _are_few(bands, min_cell).to_numpy(copy=True)
    for place in np.argsort(bands["n"].to_numpy(), kind="stable"):
        together = bands.loc[hidden, [*_PEOPLE, "n"]].sum()
        if not hidden.any() or (hidden.sum() > 1 and not ((together > 0) & (together < min_cell)).any()):
            break
        hidden[place] = True
    shown = bands[~hidden].copy()
    if shown.empty:
        return None
    for end, place, name in (("start", 0, "under {end:,.10g}"), ("end", len(bands) - 1, "{start:,.10g} and over")):
        own = bands.index[bands["band"] != MISSING_GROUP]
        place = own[0] if place == 0 else own[-1]
        if place in shown.index and bands.loc[place, "start"] < bands.loc[place, "end"]:
            shown.loc[place, "band"] = name.format(**bands.loc[place, ["start", "end"]])
            shown.loc[place, end] = np.nan
    return shown


def _curve(audit: CounterfactualAudit, min_cell: int) -> pd.DataFrame | None:
    """The curve where at least ``min_cell`` rows lie beyond either end, and at values that no few have alone."""
    curve, frame = audit.curve, audit.made.dataset.frame
    known = np.sort(frame[curve["feature"].iloc[0]].dropna().to_numpy(dtype=float))
    if curve["n"].iloc[0] < min_cell or len(known) < 2 * min_cell:
        return None
    values = curve["value"].to_numpy(dtype=float)
    inside = (values >= known[min_cell - 1]) & (values <= known[-min_cell])
    return curve[inside] if inside.any() else None


def _are_many(groups: pd.DataFrame, min_cell: int) -> pd.Series:
    return (groups["n_group"] >= min_cell) & (groups["n"] - groups["n_group"] >= min_cell)


def withheld(audit: CounterfactualAudit, *, min_cell: int) -> pd.DataFrame:
    """attribute, group, what: what is not published."""
    public = protect(audit, min_cell=min_cell)
    hidden = public.summary["flip_rate"].isna()
    rows = [(r["changed"], f"{r['from']} to {r['to']}", "flips and gaps") for _, r in public.summary[hidden].iterrows()]
    if audit.bands is not None:
        n_hidden = len(audit.bands) - (0 if public.bands is None else len(public.bands))
        rows += [(audit.bands["feature"].iloc[0], f"{n_hidden} bands", "flips")] if n_hidden else []
    if audit.curve is not None and (public.curve is None or len(public.curve) < len(audit.curve)):
        rows.append((audit.curve["feature"].iloc[0], "outer values", "the curve"))
    kept = {probe.attribute: set(probe.groups["group"]) for probe in public.proxies}
    rows += [
        (p.attribute, g, "how well it can be told")
        for p in audit.proxies
        for g in p.groups["group"]
        if g not in kept.get(p.attribute, ())
    ]
    if audit.single is not None and public.single is None:
        rows.append(("one person", "a row of the table", "what was asked about it"))
    return pd.DataFrame(rows, columns=["attribute", "group", "what"])


def facts(audit: CounterfactualAudit) -> list[list[str]]:
    """Who was asked about what."""
    options = audit.options
    varied = "; ".join(f"{name}: {', '.join(map(str, values))}" for name, values in audit.made.vary.items())
    made = f"{options['n_profiles']:,}, {SOURCES[audit.made.source]}"
    return [
        ["Model", audit.model["title"]],
        ["The model takes", ", ".join(audit.model["takes"])],
        ["Changed", varied],
        ["Profiles", made],
        ["Decision", f"{audit.decisions[1]}: score ≥ {audit.threshold:g}"],
        ["Seed", str(options.get("random_state", "none"))],
    ]


def summary(audit: CounterfactualAudit) -> list[tuple[str, str | None, str]]:
    """The first sentence."""
    return [("Counterfactual pairs", None, sentence) for sentence in counterfactual_answer(audit)[:1]]


def sections(audit: CounterfactualAudit) -> list[dict[str, Any]]:
    """One section."""
    blocks = [text_block(text) for text in (*counterfactual_answer(audit), *audit.notes, FIXED)]
    if audit.summary["flip_rate"].notna().any():
        blocks.append(
            figure_block(
                "Who gains and who loses when nothing but the attribute changes", direction_chart(audit.summary)
            )
        )
    blocks.append(_summary_table(audit))
    if audit.curve is not None:
        title = f"The mean score against {audit.curve['feature'].iloc[0]}, a line for each clone; dashed: the threshold"
        blocks.append(figure_block(title, response_chart(audit.curve, threshold=audit.threshold, between=None)))
    if audit.bands is not None and audit.bands["flip_rate"].notna().any():
        about = f"{audit.bands['feature'].iloc[0]} ({audit.bands['contrast'].iloc[0]})"
        blocks.append(
            figure_block(f"Flip rate by {about}", band_chart(audit.bands, feature=audit.bands["feature"].iloc[0]))
        )
    if audit.made.source in ("between", "rows"):
        blocks.append(
            text_block(
                "Bands and values in which too few people gain, lose or keep their decision are left out, as are "
                "the ends of each column."
            )
        )
    if audit.made.source == "profiles":
        shown = audit.pairs_of(audit.order[:_PROFILES])
        blocks.append(
            _plain_table(
                f"The first {min(_PROFILES, len(audit.made))} of {len(audit.made):,} profiles; those that flip first",
                shown,
            )
        )
    for probe in audit.proxies:
        blocks.append(text_block(probe_sentence(probe.attribute, probe.sentence())))
    if audit.single is not None:
        blocks += [
            heading_block("One profile, typed in"),
            _plain_table("As each clone", audit.single.clones),
            _plain_table("The smallest change of one thing that alters the decision", audit.single.changes),
        ]
    if "columns" in audit.made.options:
        rows = [[name, words] for name, words in audit.made.options["columns"].items()]
        blocks.append(
            table_block("How each column of the profiles was made", ["Column", "Made as"], [False, False], rows)
        )
    return [{"title": f"Counterfactual pairs: {listed(audit.attributes)}", "blocks": blocks}]


def _summary_table(audit: CounterfactualAudit) -> dict[str, Any]:
    shown = one_way(audit.summary) if audit.summary["flip_rate"].notna().all() else audit.summary
    rows = [
        [
            r["changed"],
            f"{r['from']} to {r['to']}",
            count_text(r["n_pairs"]),
            count_text(r["n_flips"]),
            _share(r["flip_rate"], r["low"], r["high"]),
            count_text(r["n_lose"]),
            count_text(r["n_gain"]),
            _p(r["p_holm"]),
            _gap(r),
        ]
        for _, r in shown.head(MAX_CONTRASTS).iterrows()
    ]
    level = f"{100 * audit.confidence_level:g} %"
    columns = [
        "Changed",
        "From, to",
        "Pairs",
        "Flips",
        f"Flip rate ({level})",
        "Lose",
        "Gain",
        "p (Holm)",
        f"Mean gap of the score ({level})",
    ]
    more = "" if len(shown) <= MAX_CONTRASTS else f"; the first {MAX_CONTRASTS} of {len(shown)}"
    return table_block(
        f"Each change, in the direction in which more lose{more}", columns, [False, False, *[True] * 7], rows
    )


def _share(rate: float, low: float, high: float) -> str:
    return WITHHELD if np.isnan(rate) else f"{100 * rate:.1f} % ({outward(low, high, percent=True)})"


def _p(value: float) -> str:
    return WITHHELD if np.isnan(value) else "< 0.0001" if value < 0.0001 else f"{value:.4f}"


def _gap(row: pd.Series) -> str:
    if np.isnan(row["mean_gap"]):
        return WITHHELD
    return f"{row['mean_gap']:+.3f}" + (
        "" if np.isnan(row["gap_low"]) else f" ({outward(row['gap_low'], row['gap_high'], percent=False)})"
    )


def _plain_table(title: str, table: pd.DataFrame) -> dict[str, Any]:
    """A table of any columns, numbers to the right."""
    numeric = [
        pd.api.types.is_numeric_dtype(table[name]) and not pd.api.types.is_bool_dtype(table[name]) for name in table
    ]
    rows = [[_cell(value) for value in row] for row in table.itertuples(index=False, name=None)]
    return table_block(title, [str(name).replace("_", " ") for name in table], numeric, rows)


def _cell(value: Any) -> str:
    if value is None or value != value:
        return DASH
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    return f"{value:,.4g}" if isinstance(value, (float, np.floating)) else str(value)
