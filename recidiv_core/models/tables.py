"""Performance over folds, as the papers print it, beside what the literature reached."""

from __future__ import annotations

import numpy as np
import pandas as pd

from recidiv_core.stats import normal_quantile
from recidiv_core.words import opened, percent

_AT_THRESHOLD = ("recall", "precision", "specificity")
# F, Table 3: the AUCs of the studies it reviews, by its own numbers for them; Table 11: their summary. F, Table 10 and
# C, Table 5.1: their best.
_STUDIES = {
    "general": {13: 0.78, 15: 0.75, 35: 0.70, 16: 0.69, 40: 0.73, 30: 0.82, 31: 0.78},
    "violent": {32: 0.71, 40: 0.76, 30: 0.77, 31: 0.74},
}
LITERATURE = (
    (
        "general",
        0.75,
        0.69,
        0.82,
        "The fairness scale (2025), Table 11: seven studies of general recidivism, median and range",
    ),
    (
        "violent",
        0.75,
        0.71,
        0.77,
        "The fairness scale (2025), Table 11: four studies of violent recidivism, median and range",
    ),
    (
        "general",
        0.866,
        None,
        None,
        "The fairness scale (2025), Table 10: gradient boosting, general recidivism within 3 years",
    ),
    (
        "violent",
        0.8375,
        None,
        None,
        "The fairness scale (2025), Table 10: random forest, violent recidivism within 3 years",
    ),
    ("general", 0.8626, None, None, "Camacho (Colombia), Table 5.1: GBM, re-entry at any time"),
    ("general", 0.8747, None, None, "Camacho (Colombia), Table 5.1: XGBoost, recidivism within 1 year"),
    ("general", 0.8869, None, None, "Camacho (Colombia), Table 5.1: XGBoost, recidivism within 2 years"),
    *(
        (kind, auc, None, None, f"The fairness scale (2025), Table 3: study [{number}], {kind} recidivism")
        for kind, studies in _STUDIES.items()
        for number, auc in studies.items()
    ),
)


def performance_table(
    folds: pd.DataFrame, *, protocol: str = "held_out", confidence_level: float = 0.95
) -> pd.DataFrame:
    """outcome, algorithm, title, n, auc with SD over folds and interval, recall, precision and specificity with SDs,
    and accuracy, sensitivity and specificity at 0.5.

    The AUC is the mean over folds; its interval is built from the variance in each (LeDell, Petersen and van der Laan
    2015), with people, not rows, as independent. ``protocol="paper"`` takes each fold's threshold from the fold itself,
    as F does; the default from the others.
    """
    suffix = "_paper" if protocol == "paper" else ""
    rows = []
    for (outcome, algorithm), own in folds.groupby(["outcome", "algorithm"], sort=False):
        auc, low, high = mean_auc(own["auc"].to_numpy(), own["auc_se"].to_numpy(), confidence_level=confidence_level)
        row = {
            "outcome": outcome,
            "algorithm": algorithm,
            "title": own["title"].iloc[0],
            "n": int(own["n_test"].sum()),
            "n_positive": own["n_positive"].sum(skipna=False),
            "auc": auc,
            "auc_sd": own["auc"].std(ddof=1) if len(own) > 1 else np.nan,
            "auc_low": low,
            "auc_high": high,
        }
        for name in _AT_THRESHOLD:
            values = own[name + suffix]
            # In a fold where nobody is flagged there is no precision, and so none over all folds.
            row |= {
                name: values.mean(skipna=False),
                f"{name}_sd": values.std(ddof=1, skipna=False) if len(own) > 1 else np.nan,
            }
        row |= {
            f"{title}_half": own[f"{name}_half"].mean(skipna=False)
            for title, name in (("accuracy", "accuracy"), ("sensitivity", "recall"), ("specificity", "specificity"))
        }
        row |= {"seconds": own["seconds"].sum(), "n_warnings": int(own["n_warnings"].sum())}
        rows.append(row)
    return pd.DataFrame(rows).sort_values(["outcome", "auc"], ascending=[True, False], kind="stable", ignore_index=True)


def mean_auc(auc: np.ndarray, error: np.ndarray, *, confidence_level: float) -> tuple[float, float, float]:
    """The mean of AUCs over folds, and bounds from their standard errors or their spread over folds, whichever is
    larger.

    On the logit scale, so that no bound leaves [0, 1]; where any fold has none, or all are 0 or 1, there are no bounds.
    """
    mean, n = float(np.mean(auc)), len(auc)
    spread = np.var(auc, ddof=1) / n if n > 1 else 0.0
    total = float(np.sqrt(max((np.asarray(error) ** 2).sum() / n**2, spread)))
    if not (0 < mean < 1 and total > 0):
        return mean, float("nan"), float("nan")
    reach = normal_quantile(confidence_level) * total / (mean * (1 - mean))
    centre = np.log(mean / (1 - mean))
    return mean, *(float(1 / (1 + np.exp(-(centre + side * reach)))) for side in (-1, 1))


def paper_tables(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The two tables as text: F's Table 10 (AUC, recall, precision, specificity, each mean (SD)) and C's Table 5.1
    (percent at 0.5).
    """

    def spread(row: pd.Series, name: str) -> str:
        sd = row[f"{name}_sd"]
        if np.isnan(row[name]):
            return "not estimable"
        return f"{row[name]:.4f}" + ("" if np.isnan(sd) else f" ({sd:.4f})")

    ten = pd.DataFrame(
        [
            {"Outcome": row["outcome"], "Model": row["title"], "n": row["n"]}
            | {
                f"{'AUC' if name == 'auc' else opened(name)} (SD)": spread(row, name)
                for name in ("auc", *_AT_THRESHOLD)
            }
            for _, row in table.iterrows()
        ]
    )
    five = pd.DataFrame(
        [
            {"Model": row["title"], "Outcome": row["outcome"], "n": row["n"]}
            | {opened(name): percent(row[f"{name}_half"]) for name in ("accuracy", "sensitivity", "specificity")}
            | {"AUC": percent(row["auc"])}
            for _, row in table.sort_values(["title", "outcome"]).iterrows()
        ]
    )
    return ten, five


def literature(outcomes: list[str]) -> pd.DataFrame:
    """kind, auc, low, high, source: what the literature reached for outcomes like these; the kind of an outcome is
    told by its name.
    """
    kinds = {"violent" if "violent" in name.lower() else "general" for name in outcomes}
    return pd.DataFrame(
        [row for row in LITERATURE if row[0] in kinds], columns=["kind", "auc", "low", "high", "source"]
    )
