"""The section of the room of synthetic copies."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd

from recidiv_core.charts.privacy import attack_chart, distance_chart, frontier_chart, linkage_chart, nearer_chart
from recidiv_core.privacy import (
    LEAKS,
    LIMITS,
    CopyAudit,
    LinkageAudit,
    PrivacyAudit,
    ReleaseAudit,
    UtilityAudit,
    attack_answer,
    frontier_answer,
    linkage_answer,
    member_answer,
    privacy_answer,
)
from recidiv_core.report.blocks import DASH, figure_block, heading_block, table_block, text_block
from recidiv_core.words import outward


def protect(audit: ReleaseAudit, *, min_cell: int) -> ReleaseAudit:
    """The audit as it may be published: groups and slices of fewer than ``min_cell`` records or people are withheld,
    and of a group's attribute a second one where a single one would follow from the whole.

    What is given away is told in numbers of records, also small ones: they say how much, and not who. No record stands
    in it.
    """
    copies = tuple(
        dataclasses.replace(copy, privacy=_few_groups(copy, min_cell), use=_few_slices(copy.use, min_cell))
        for copy in audit.copies
    )
    return dataclasses.replace(audit, copies=copies, baseline=_few_slices(audit.baseline, min_cell))


def _hidden(table: pd.DataFrame, counts: pd.Series, min_cell: int) -> pd.Series:
    """Which rows of a table with ``attribute`` are withheld: those of few, and of each attribute further ones until
    what is hidden together is not few.
    """
    hidden = (counts < min_cell).to_numpy(copy=True)
    for _, own in table.groupby("attribute", sort=False):
        place = table.index.get_indexer(own.index)
        for further in place[np.argsort(counts.to_numpy()[place], kind="stable")]:
            together = counts.to_numpy()[place][hidden[place]]
            if not len(together) or (len(together) > 1 and together.sum() >= min_cell):
                break
            hidden[further] = True
    return pd.Series(hidden, index=table.index)


def _few_groups(copy: CopyAudit, min_cell: int) -> PrivacyAudit:
    table = copy.privacy.by_group
    if table.empty:
        return copy.privacy
    hidden = _hidden(table, table[["n", "n_train", "n_holdout"]].min(axis=1), min_cell)
    options = copy.privacy.options | {
        "n_groups_withheld": int(hidden.sum()),
        "is_withheld_given_away": bool((table.loc[hidden, "verdict"] == LEAKS).any()),
    }
    return dataclasses.replace(copy.privacy, by_group=table[~hidden].reset_index(drop=True), options=options)


def _few_slices(use: UtilityAudit, min_cell: int) -> UtilityAudit:
    slices, fairness = use.slices, use.fairness
    groups = slices[slices["kind"] == "group"].reset_index(drop=True)
    keys = groups["variant"] + groups["algorithm"] + groups["attribute"]
    few = _hidden(groups.assign(attribute=keys), groups["n"], min_cell)
    found = slices[(slices["kind"] != "group") & ((slices["n"] == 0) | (slices["n"] >= min_cell))]
    shown = pd.concat([found, groups[~few.to_numpy()]], ignore_index=True).sort_values(
        ["variant", "algorithm"], kind="stable", ignore_index=True
    )
    if len(fairness):
        fairness = fairness[fairness[["n_group", "n_reference"]].min(axis=1) >= min_cell].reset_index(drop=True)
    return dataclasses.replace(use, slices=shown, fairness=fairness)


def withheld(audit: ReleaseAudit, *, min_cell: int) -> pd.DataFrame:
    """attribute, group, what: what is not published."""
    public, rows = protect(audit, min_cell=min_cell), []
    for before, after in zip(audit.copies, public.copies, strict=True):
        table, shown = before.privacy.by_group, after.privacy.by_group
        if len(table) > len(shown):
            kept = set(zip(shown["attribute"], shown["group"], strict=True))
            groups = zip(table["attribute"], table["group"], strict=True)
            rows += [(*pair, f"distances in {before.title}") for pair in groups if pair not in kept]
    for before, after in zip(
        (audit.baseline, *(c.use for c in audit.copies)),
        (public.baseline, *(c.use for c in public.copies)),
        strict=True,
    ):
        gone = set(before.slices["words"]) - set(after.slices["words"])
        rows += [("slice", words, "log loss") for words in sorted(gone)]
    return pd.DataFrame(rows, columns=["attribute", "group", "what"]).drop_duplicates()


def facts(audit: ReleaseAudit) -> list[list[str]]:
    """What was split, copied and judged."""
    about = audit.dataset
    return [
        [
            "Split",
            f"{about['n_train']:,} rows to make copies from (train), {about['n_holdout']:,} that no copy has seen "
            "(holdout)",
        ],
        ["Copies", "; ".join(f"{c.title}, {c.card['n']:,} records" for c in audit.copies) or "none"],
        [
            "Use judged by",
            audit.baseline.table.loc[audit.baseline.table["algorithm"] == audit.algorithm, "title"].iloc[0],
        ],
        ["Seed", str(audit.options["random_state"])],
    ]


def summary(audit: ReleaseAudit) -> list[tuple[str, str | None, str]]:
    """What one pays for what, and the verdict on the copy looked at."""
    said = [("Synthetic copy", None, sentence) for sentence in frontier_answer(audit)[1:]]
    return [*said, *((copy.title, None, privacy_answer(copy.privacy)[0]) for copy in _looked_at(audit))]


def _looked_at(audit: ReleaseAudit) -> list[CopyAudit]:
    return [copy for copy in audit.copies if copy.title == audit.chosen] or list(audit.copies[:1])


def sections(audit: ReleaseAudit) -> list[dict[str, Any]]:
    """What one pays for what over all copies, then the copy looked at, then the link to a public table."""
    made = [{"title": "Synthetic copies: use against privacy", "blocks": _together(audit)}]
    for copy in _looked_at(audit):
        made.append({"title": f"The copy looked at: {copy.title}", "blocks": _one(copy)})
    if audit.linkage is not None:
        made.append({"title": "Linking the copy to a public table", "blocks": _links(audit.linkage)})
    return made


def _together(audit: ReleaseAudit) -> list[dict[str, Any]]:
    blocks = [text_block(sentence) for sentence in frontier_answer(audit)]
    blocks.append(
        figure_block(
            "Use (AUC on real people) against the share of records nearer to train; ▲ given away, ● no sign; "
            "lines: 95 % intervals; gap: points between groups",
            frontier_chart(audit.frontier),
        )
    )
    blocks += [_distances(audit), _performance(audit)]
    if len(audit.use.fairness):
        blocks.append(_fairness(audit))
    blocks.append(_worst_slices(audit))
    if len(audit.likeness):
        blocks.append(_likeness(audit))
    return blocks


def _distances(audit: ReleaseAudit) -> dict[str, Any]:
    rows = [
        [
            r["copy"],
            f"{r['n']:,.0f}",
            _mean_sd(r),
            _number(r["dcr_5"]),
            _share(r["copies"]),
            _number(r["nndr"]),
            _bounded(r, "nearer_to_train", "low", "high"),
        ]
        for r in audit.distances.to_dict("records")
    ]
    columns = [
        "Copy",
        "Records",
        "Distance to the closest (mean ± SD)",
        "5th percentile",
        "Exact copies",
        "Nearest over second",
        "Nearer to train",
    ]
    caption = "Distances of each copy to the records it was made from"
    return table_block(caption, columns, [False, *[True] * 6], rows)


def _performance(audit: ReleaseAudit) -> dict[str, Any]:
    rows = [
        [
            r["variant"],
            r["title"],
            f"{r['n_train']:,}",
            _bounded(r, "accuracy", "accuracy_low", "accuracy_high"),
            _plain(r, "auc", "auc_low", "auc_high"),
            _plain(r, "member_auc", "member_low", "member_high"),
        ]
        for r in audit.use.table.to_dict("records")
    ]
    columns = ["Trained on", "Model", "Rows", "Accuracy", "AUC", "Tells its people (AUC)"]
    caption = "Models trained on each variant, judged on the same real people"
    return table_block(caption, columns, [False, False, *[True] * 4], rows)


def _fairness(audit: ReleaseAudit) -> dict[str, Any]:
    rows = [
        [
            r["variant"],
            r["title"],
            f"{r['attribute']}: {r['group']} against {r['reference']}",
            f"{100 * r['gap']:+.1f} ({outward(r['gap_low'], r['gap_high'], percent=True)})",
            _number(r["ratio"], 2),
        ]
        for r in audit.use.fairness.to_dict("records")
    ]
    columns = ["Trained on", "Model", "Groups", "Gap in points", "Disparate impact"]
    caption = "How those models treat the groups (flag: a probability of one half)"
    return table_block(caption, columns, [False, False, False, True, True], rows)


def _worst_slices(audit: ReleaseAudit) -> dict[str, Any]:
    rows = [
        [r["variant"], r["title"], _slice(r), _share(r["share"]), _plain(r, "log_loss", "low", "high")]
        for r in audit.use.slices.to_dict("records")
    ]
    columns = ["Trained on", "Model", "Slice", "Share", "Log loss"]
    caption = "Log loss in the worst slice found, and in each group"
    return table_block(caption, columns, [False, False, False, True, True], rows)


def _likeness(audit: ReleaseAudit) -> dict[str, Any]:
    rows = [
        [
            r["copy"],
            *(_number(r[n]) for n in ("marginals", "worst_marginal", "association_gap")),
            _plain(r, "told_auc", "told_low", "told_high"),
        ]
        for r in audit.likeness.to_dict("records")
    ]
    columns = ["Copy", "Marginals alike", "The worst", "Association gap", "Told from real (AUC)"]
    return table_block("How like the real table each copy is", columns, [False, *[True] * 4], rows)


def _one(copy: CopyAudit) -> list[dict[str, Any]]:
    blocks = [
        text_block(copy.card["how"]),
        *(text_block(t) for t in privacy_answer(copy.privacy)),
        text_block(member_answer(copy.use, copy.title)),
        *(text_block(t) for t in (*copy.privacy.uncompared, *copy.privacy.notes, LIMITS)),
    ]
    blocks.append(
        figure_block(
            "How far the nearest record is: the copy's to train and to the holdout, the holdout's to train",
            distance_chart(copy.privacy),
        )
    )
    blocks.append(
        figure_block(
            "Share of each group's records that are nearer to the people the copy was made from",
            nearer_chart(copy.privacy),
        )
    )
    if len(copy.privacy.by_group):
        rows = [
            [
                r["attribute"],
                r["group"],
                f"{r['n']:,}",
                _mean_sd(r),
                _share(r["copies"]),
                _bounded(r, "nearer_to_train", "low", "high"),
            ]
            for r in copy.privacy.by_group.to_dict("records")
        ]
        columns = ["Attribute", "Group", "Records", "Distance (mean ± SD)", "Exact copies", "Nearer to train"]
        blocks.append(table_block("The same by group", columns, [False, False, *[True] * 4], rows))
    blocks += [heading_block("Attacks"), text_block(attack_answer(copy.attacks))]
    if (copy.attacks.table["reason"] == "").any():
        blocks.append(
            figure_block(
                "Risk of each attack: what it gains on people the copy was made from, beyond others",
                attack_chart(copy.attacks),
            )
        )
    rows = [
        [
            r["attack"],
            r["about"],
            f"{r['n']:,}",
            _share(r["rate"]),
            _share(r["control"]),
            _share(r["baseline"]),
            r["reason"] or _bounded(r, "risk", "low", "high"),
        ]
        for r in copy.attacks.table.to_dict("records")
    ]
    columns = ["Attack", "About", "Tried", "On train", "On holdout", "By guessing", "Risk"]
    blocks.append(table_block("Attacks", columns, [False, False, *[True] * 4, False], rows))
    return blocks


def _links(audit: LinkageAudit) -> list[dict[str, Any]]:
    options = audit.options
    fields = "; ".join(
        f"{f['name']}: {f['similarity']}" + (f", 0 at a difference of {f['scale']:g}" if f["scale"] else "")
        for f in options["fields"]
    )
    key = "none" if options["block_on"] is None else " = ".join(dict.fromkeys(options["block_on"]))
    blocks = [
        text_block(f"Key: {key}. Fields: {fields}."),
        *(text_block(sentence) for sentence in linkage_answer(audit)),
    ]
    blocks.append(figure_block("Pairs that reach each certainty", linkage_chart(audit)))
    with_truth = "n_true" in audit.table
    rows = [
        [f"{r['certainty']:g}", f"{r['n_pairs']:,.0f}", f"{r['n_records']:,.0f}", f"{r['n_public']:,.0f}"]
        + ([f"{r['n_true']:,.0f}", _share(r["share_true"]), _share(r["chance"])] if with_truth else [])
        for r in audit.table.to_dict("records")
    ]
    columns = [
        "Certainty",
        "Pairs",
        "Records",
        "Public records",
        *(["True", "Share true", "By chance"] if with_truth else []),
    ]
    blocks.append(table_block("Pairs by certainty", columns, [True] * len(columns), rows))
    return blocks


def _slice(row: dict[str, Any]) -> str:
    if row["kind"] == "group":
        return row["words"]
    return f"worst found: {row['words'] if row['n'] else row['reason']}{' (confirmed)' if row['is_confirmed'] else ''}"


def _number(value: float, digits: int = 3) -> str:
    return DASH if value is None or np.isnan(value) else f"{value:.{digits}f}"


def _share(value: float) -> str:
    return DASH if value is None or np.isnan(value) else f"{100 * value:.1f} %"


def _mean_sd(row: Any) -> str:
    return f"{row['dcr_mean']:.4f} ± {row['dcr_sd']:.4f}"


def _bounded(row: Any, value: str, low: str, high: str) -> str:
    return DASH if np.isnan(row[value]) else f"{100 * row[value]:.1f} % ({outward(row[low], row[high], percent=True)})"


def _plain(row: Any, value: str, low: str, high: str) -> str:
    return (
        DASH
        if value not in row or np.isnan(row[value])
        else f"{row[value]:.3f} ({outward(row[low], row[high], percent=False)})"
    )
