"""Describe, centre, null model, full model: every number of the page, from one script.

python docs/tutorials/describe_centre_model.py [scores.csv]

Without a file the data are made as R makes them: set.seed(123), then rnorm.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd

import nestwise as nw

QUANTILES = {"Min.": 0.0, "1st Qu.": 0.25, "Median": 0.5, "Mean": None, "3rd Qu.": 0.75, "Max.": 1}


def section(title: str, body: object) -> None:
    """Print one part of the analysis under its title."""
    print(f"## {title}\n{body}\n")


def overview(scores: pd.DataFrame) -> pd.DataFrame:
    """Smallest and largest value, quartiles and mean of every column."""
    rows = {k: scores.mean() if q is None else scores.quantile(q) for k, q in QUANTILES.items()}
    return pd.DataFrame(rows).T


def ridge(model: nw.MixedModel, data: pd.DataFrame, sd: float) -> str:
    """Another standard deviation of the intervention's effect, with the same criterion.

    A class is treated or it is not, so the data tell the variance between untreated classes and
    that between treated ones: two numbers, for the three that the model has.
    """
    v = model.varcorr()["vcov"].to_numpy()
    untreated, treated = v[0], v[0] + v[1] + 2 * v[2]
    covariance = (treated - untreated - sd**2) / 2
    matrix = np.array([[untreated, covariance], [covariance, sd**2]])
    L = np.linalg.cholesky(matrix / model.sigma**2)
    criterion = nw.deviance_function(model.formula, data).value([L[0, 0], L[1, 0], L[1, 1]])
    correlation = covariance / np.sqrt(untreated) / sd
    return (
        f"variance {sd**2:.3f}, sd {sd:.3f}, corr {correlation:.2f}: "
        f"criterion {criterion:.4f}, at the estimate {model.criterion:.4f}"
    )


def main() -> None:
    """The analysis, from top to bottom."""
    scores = nw.read_table(sys.argv[1]) if len(sys.argv) > 1 else nw.load_dataset("hlm_tutorial")
    section("Summary", overview(scores).to_string(float_format="%.2f"))

    by_class = nw.describe(scores, by="classroom_id")
    math = by_class[by_class["variable"] == "math_score"]
    section("Pupils per class", math[["classroom_id", "n"]].to_string(index=False))
    means = math[["classroom_id", "mean", "sd"]]
    section("Mean and spread per class", means.to_string(index=False, float_format="%.2f"))

    shown = ["math_score", "intervention", "classroom_id", "student_id", "ses"]
    for label, part in scores.groupby("classroom_id"):
        blocks = nw.describe(part, shown)
        section(f"Class {label}", blocks.to_string(index=False, float_format="%.2f"))

    centred = scores.assign(
        ses_grpmean=nw.center(scores, "ses", by="classroom_id", method="group_mean"),
        ses_mc=nw.center(scores, "ses", by="classroom_id", method="group"),
    )
    centred["ses_gmc"] = nw.center(centred, "ses_grpmean")
    section("Centred", centred.head(6).to_string(float_format="%.4f"))

    null = nw.lmer("math_score ~ 1 + (1 | classroom_id)", centred)
    section("Null model", null.summary())
    full = nw.lmer(
        "math_score ~ intervention + ses + intervention*ses + (1 + intervention | classroom_id)",
        centred,
    )
    section("Full model", full.summary())
    section("Elsewhere on the ridge", ridge(full, centred, sd=1.7887))


if __name__ == "__main__":
    main()
