"""What a comparison of models says, in words that say no more."""

from __future__ import annotations

from recidiv_core.models.evaluate import ModelComparison
from recidiv_core.words import listed, number


def comparison_answer(comparison: ModelComparison) -> list[str]:
    """One sentence for each outcome: the model with the highest AUC, and which others its interval does not tell
    from it.
    """
    found = []
    for outcome, own in comparison.table.groupby("outcome", sort=False):
        own = own.dropna(subset="auc")
        if own.empty:
            found.append(f"{outcome}: the figures rest on too few people, and are withheld.")
            continue
        best, rest = own.iloc[0], own.iloc[1:]
        spread = "" if best["auc_low"] != best["auc_low"] else f" ({best['auc_low']:.3f} to {best['auc_high']:.3f})"
        text = (
            f"{outcome}: {best['title']} ranks people best, AUC "
            f"{number(best['auc'], best['auc_low'], best['auc_high'])}{spread}, {protocol(comparison)}, n = "
            f"{best['n']:,}."
        )
        near = rest[rest["auc_high"] >= best["auc_low"]]["title"].tolist()
        if near:
            text += f" The intervals of {listed(near)} overlap with its own: the order among them may be chance."
        found.append(text)
    return found


def protocol(comparison: ModelComparison) -> str:
    """Which rows the figures are of."""
    n = comparison.options["n_outer"]
    return f"out of fold ({n} folds)" if n > 1 else "on the 30 % held out"


def notes(comparison: ModelComparison) -> list[str]:
    """What has to be known beside the figures."""
    options, dataset = comparison.options, comparison.dataset
    found = []
    if dataset["n_people"] < dataset["n"]:
        found.append(
            f"{dataset['n']:,} rows of {dataset['n_people']:,} people. The intervals here count people; those of "
            "the other rooms take rows as independent, and are too narrow where people have several."
        )
    if options["unaware"]:
        found.append(
            f"Unaware: the models were not given {listed(comparison.roles.sensitive)}. What else tells the "
            "attribute is under “Proxies”."
        )
    if options["balance"] is not None:
        found.append(
            f"Trained with the rarer outcome at {100 * options['balance']:g} % by down-sampling the training part: "
            "the scores rank people, and are no probabilities of everybody."
        )
    if warned := comparison.table.loc[comparison.table["n_warnings"] > 0, "title"].unique().tolist():
        found.append(f"Some fits of {listed(warned)} complained, mostly that they had not converged.")
    return found
