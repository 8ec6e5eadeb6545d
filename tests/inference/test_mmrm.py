"""What mmrm and SAS print for fev_data, and Kenward-Roger in mmrm's parameters by definition."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nestwise as nw
from inference.mmrm_dense import VISITS, Adjusted, Trial, adjusted, reml, slope
from nestwise._base.arrays import FloatArray
from nestwise.workflow.r_random import rnorm, set_seed

MAIN = "FEV1 ~ RACE + SEX + ARMCD * AVISIT"
ARMS = "FEV1 ~ ARMCD"
STRUCTURES = ("us", "cs", "csh", "ar1", "ar1h", "ad", "adh", "toep", "toeph")


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    """With the second coordinate of mmrm's table, rnorm(800) after set.seed(1)."""
    fev = nw.load_dataset("fev_data")
    fev["VISITN"] = fev["AVISIT"].cat.codes + 1.0
    fev["VISITN2"] = rnorm(set_seed(1), len(fev))[0]
    return fev


@pytest.fixture(scope="module")
def printed(oracle: Callable[[str], Any]) -> Any:
    return oracle("mmrm")


@pytest.fixture(scope="module")
def main(data: pd.DataFrame) -> nw.StructuredModel:
    return nw.gls(MAIN, data, residual="us(AVISIT | USUBJID)")


def fitted(data: pd.DataFrame, name: str, formula: str = ARMS, by: str = "") -> Any:
    return nw.gls(formula, data, residual=f"{name}(AVISIT | {by}USUBJID)")


def squares(m: nw.StructuredModel) -> FloatArray:
    """(arms, v, v) covariance matrices of all visits."""
    table = m.residual_covariance()
    order = [f"VIS{k + 1}" for k in range(VISITS)]
    out = []
    for arm in table["arm"].unique():
        wide = table[table["arm"] == arm].pivot(index="visit1", columns="visit2", values="vcov")
        half = wide.reindex(index=order, columns=order).fillna(0.0).to_numpy()
        out.append(half + half.T - np.diag(half.diagonal()))
    return np.array(out)


# -- the printed figures -------------------------------------------------------------------------


def test_the_data_are_those_of_sas(data: pd.DataFrame, printed: Any) -> None:
    """Eight decimals of -2 log L leave no room for a wrong number among 537."""
    reference = printed["sas_linear"]["minus2_reml"]
    assert fitted(data, "ar1").criterion == pytest.approx(reference["ar1"], abs=2e-8)
    found = fitted(data, "us").criterion
    assert reference["us"] - 2e-5 < found <= reference["us"]  # SAS stops 8e-6 above the optimum


def test_coefficients(main: nw.StructuredModel, printed: Any) -> None:
    reference, table = printed["main"], main.tidy()
    assert main.criterion == pytest.approx(reference["deviance"], abs=5e-3)
    np.testing.assert_allclose(table["estimate"], reference["estimate"], atol=3e-4)
    np.testing.assert_allclose(table["std_error"], reference["std_error"], rtol=1e-4)
    np.testing.assert_allclose(table["df"], reference["df"], rtol=2e-4)
    np.testing.assert_allclose(squares(main)[0], reference["covariance"], atol=1e-2)


@pytest.mark.parametrize("kind", [2, 3])
def test_analysis_of_variance(main: nw.StructuredModel, printed: Any, kind: int) -> None:
    reference, table = printed["anova"], main.anova(type=kind)
    assert table["term"].tolist() == reference["terms"]
    if kind == 3:  # joint degrees of freedom depend on how type II scales its rows
        np.testing.assert_allclose(table["den_df"], reference["3"]["den_df"], rtol=1e-4)
    np.testing.assert_allclose(table["f_value"], reference[str(kind)]["f_value"], rtol=3e-4)


def test_kenward_roger_unstructured(
    data: pd.DataFrame, main: nw.StructuredModel, printed: Any
) -> None:
    reference = printed["kenward_roger"]
    table = fitted(data, "us", reference["us"]["formula"]).tidy(ddf="kenward-roger")
    np.testing.assert_allclose(table["std_error"], reference["us"]["std_error"], rtol=4e-5)
    np.testing.assert_allclose(table["df"], reference["us"]["df"], rtol=2e-4)
    white = main.tidy(ddf="kenward-roger").iloc[2]
    assert white["std_error"] == pytest.approx(reference["race_white"]["std_error"], rel=4e-5)
    assert white["df"] == pytest.approx(reference["race_white"]["df"], rel=1e-4)
    race = main.anova(ddf="kenward-roger").iloc[0]
    assert race["den_df"] == pytest.approx(reference["race"]["den_df"], rel=1e-4)
    assert race["f_value"] == pytest.approx(reference["race"]["f_value"], rel=1e-4)


def test_kenward_roger_autoregressive(data: pd.DataFrame, printed: Any) -> None:
    """A fit that mmrm's optimiser ended well: seven digits agree."""
    reference, m = printed["kenward_roger"]["ar1"], fitted(data, "ar1")
    row = m.tidy(ddf="kenward-roger").iloc[1]
    assert row["std_error"] == pytest.approx(reference["std_error"], rel=2e-7)
    assert row["df"] == pytest.approx(reference["df"], rel=2e-7)
    added = m.contrast([1.0, 1.0], ddf="kenward-roger")
    assert added["estimate"].iloc[0] == pytest.approx(reference["sum"]["estimate"], rel=2e-7)
    assert added["std_error"].iloc[0] == pytest.approx(reference["sum"]["std_error"], rel=2e-7)
    assert added["df"].iloc[0] == pytest.approx(reference["sum"]["df"], rel=2e-7)
    both = m.contrast(np.eye(2), ddf="kenward-roger", joint=True)
    assert both["den_df"].iloc[0] == pytest.approx(reference["both"]["den_df"], rel=2e-7)
    assert both["f_value"].iloc[0] == pytest.approx(reference["both"]["f_value"], rel=2e-6)


def test_linear_kenward_roger_is_that_of_sas(data: pd.DataFrame, printed: Any) -> None:
    for name, expected in printed["sas_linear"]["std_error_and_df"].items():
        row = fitted(data, name).tidy(ddf="kenward-roger-linear").iloc[1]
        np.testing.assert_allclose([row["std_error"], row["df"]], expected, rtol=5e-4)


def test_spatial_kenward_roger_is_that_of_sas(data: pd.DataFrame, printed: Any) -> None:
    m = nw.gls(ARMS, data, residual="exp(VISITN + VISITN2 | USUBJID)")
    row = m.tidy(ddf="kenward-roger-linear").iloc[1]
    np.testing.assert_allclose(
        [row["std_error"], row["df"]], printed["sas_linear"]["spatial"], rtol=1e-4
    )


def test_sandwiches(data: pd.DataFrame, printed: Any) -> None:
    for kind in ("CR0", "CR3"):
        for name, expected in printed["sandwich"][kind].items():
            found = np.diag(fitted(data, name).vcov(kind))
            np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_between_within(main: nw.StructuredModel, printed: Any) -> None:
    reference = printed["between_within"]
    df = main.tidy(ddf="between-within")["df"].tolist()
    between, within = reference["between"], reference["within"]
    assert df == [within, *[between] * 4, *[within] * 6]
    for case in reference["joint"]:
        L = np.zeros((2, len(df)))
        for row, columns in enumerate(case["rows"]):
            L[row, columns] = 1.0
        found = main.contrast(L, ddf="between-within", joint=True).iloc[0]
        assert found["den_df"] == case["den_df"]
        assert found["f_value"] == pytest.approx(case["f_value"], rel=1e-3)


def test_means_by_visit_and_arm(main: nw.StructuredModel, printed: Any) -> None:
    reference = printed["emmeans"]
    means = main.emmeans("ARMCD", by="AVISIT")
    table, pairs = means.table, means.pairs(reverse=True).table
    np.testing.assert_allclose(table["emmean"], reference["emmean"], atol=0.051)
    np.testing.assert_allclose(table["se"], reference["std_error"], atol=5.1e-4)
    np.testing.assert_allclose(table["df"], reference["df"], atol=0.51)
    np.testing.assert_allclose(table["lower"], reference["lower"], atol=0.051)
    np.testing.assert_allclose(table["upper"], reference["upper"], atol=0.051)
    np.testing.assert_allclose(pairs["estimate"], reference["difference"], atol=5.1e-3)
    np.testing.assert_allclose(pairs["se"], reference["difference_se"], atol=5.1e-4)
    np.testing.assert_allclose(pairs["df"], reference["difference_df"], atol=0.51)
    np.testing.assert_allclose(pairs["t_ratio"], reference["t_ratio"], atol=2e-3)


def test_missed_visits(data: pd.DataFrame, printed: Any) -> None:
    """SAS predicts responses that are missing from the subject's other visits."""
    reference, m = printed["prediction"], fitted(data, "us")
    rows = data.iloc[np.array(reference["rows"]) - 1].drop(columns="FEV1")
    found = m.predict(rows, residual=True, interval="prediction")
    np.testing.assert_allclose(found["fit"], reference["fit"], atol=3e-3)
    np.testing.assert_allclose(found["se"], reference["std_error"], rtol=2e-4)


def test_matrices_by_arm(data: pd.DataFrame, printed: Any) -> None:
    reference = printed["grouped"]
    m = nw.gls(reference["formula"], data, residual=reference["residual"], REML=False)
    for V, variance, covariance in zip(
        squares(m), reference["variance"], reference["covariance"], strict=True
    ):
        np.testing.assert_allclose(V.diagonal(), variance, rtol=1e-4)
        np.testing.assert_allclose(V[0, 1:], covariance, rtol=1e-3)


# -- by definition -------------------------------------------------------------------------------


def arrange(m: nw.StructuredModel, data: pd.DataFrame) -> Trial:
    """The rows of a fit as subjects by visits."""
    design = m.fit.design
    part = design.residual
    assert part is not None
    assert part.subject is not None
    subject = part.subject.codes
    used = data.loc[data["FEV1"].notna()]
    visit = used["AVISIT"].cat.codes.to_numpy()
    n, at = part.subject.n_levels, (subject, visit)
    y, seen = np.zeros((n, VISITS)), np.zeros((n, VISITS))
    X, time = np.zeros((n, VISITS, design.fixed.X.shape[1])), np.zeros((n, VISITS, 2))
    y[at], X[at], seen[at] = design.y, design.fixed.X, 1.0
    time[at] = used[["VISITN", "VISITN2"]].to_numpy()
    arm = np.zeros(n, dtype=np.int32)
    if part.arm is not None:
        arm[subject] = part.arm.codes
    return Trial(y, X, seen, time, arm)


def mapped(rho: FloatArray) -> FloatArray:
    return np.asarray(rho / np.sqrt(1.0 - rho**2))


def theta_of(name: str, V: FloatArray) -> FloatArray:
    """mmrm's parameters of a covariance matrix."""
    sd = np.sqrt(V.diagonal())
    C = V / np.outer(sd, sd)
    if name == "us":
        L = np.linalg.cholesky(V)
        below = (L / L.diagonal()[:, None])[np.tril_indices(VISITS, -1)]
        return np.append(np.log(L.diagonal()), below)
    low = 1.0 / (VISITS - 1)
    share = (C[0, 1] + low) / (1.0 + low)
    tail = {
        "cs": [np.log(share / (1.0 - share))],
        "ar": mapped(C[0, 1:2]),
        "ad": mapped(C.diagonal(1)),
        "to": mapped(C[0, 1:]),
    }[name[:2]]
    return np.append(np.log(sd if name.endswith("h") else sd[:1]), tail)


def parameters(m: nw.StructuredModel, name: str) -> FloatArray:
    return np.concatenate([theta_of(name, one) for one in squares(m)])


def spatial(m: nw.StructuredModel, power: int) -> FloatArray:
    reach = m.residual_parameters().set_index("term")["estimate"]["range"]
    rho = np.exp(-(reach**-power))
    return np.array([2.0 * np.log(m.sigma), np.log(rho / (1.0 - rho))])


def assert_like(m: nw.StructuredModel, name: str, theta: FloatArray, trial: Trial) -> Adjusted:
    """Our fit is an optimum of the dense likelihood, and its tests are the dense ones."""
    assert reml(name, theta, trial) == pytest.approx(m.criterion, abs=1e-8)
    np.testing.assert_allclose(slope(name, theta, trial), 0.0, atol=1e-3)
    found = adjusted(name, theta, trial)
    for ddf, linear in (("kenward-roger", False), ("kenward-roger-linear", True)):
        np.testing.assert_allclose(m.vcov(ddf), found.vcov(linear), rtol=1e-6)
    df = [found.df(row) for row in np.eye(len(found.Phi))]
    for ddf in ("kenward-roger", "kenward-roger-linear", "satterthwaite"):
        np.testing.assert_allclose(m.tidy(ddf=ddf)["df"], df, rtol=1e-5)
    return found


def assert_printed(found: Adjusted, expected: dict[str, list[list[float]]]) -> None:
    """P and R as mmrm prints them; ours are at the optimum, mmrm's close to it."""

    def square(a: float, b: float) -> FloatArray:
        return np.array([[a, b], [b, b]])

    P = np.array([square(*p) for p in expected["P"]])
    upper = np.array([square(*p) for p in expected["R"]])
    np.testing.assert_allclose(found.P, P, atol=2e-3 * np.abs(P).max())
    rows, columns = np.triu_indices(len(P))
    np.testing.assert_allclose(found.R[rows, columns], upper, atol=2e-3 * np.abs(upper).max())


@pytest.mark.parametrize("name", STRUCTURES)
def test_adjustment_in_the_parameters_of_mmrm(data: pd.DataFrame, printed: Any, name: str) -> None:
    m = fitted(data, name)
    found = assert_like(m, name, parameters(m, name), arrange(m, data))
    if name in printed["parts"]:
        assert_printed(found, printed["parts"][name])


@pytest.mark.parametrize(("name", "power"), [("exp", 1), ("gau", 2)])
def test_adjustment_of_spatial_structures(
    data: pd.DataFrame, printed: Any, name: str, power: int
) -> None:
    m = nw.gls(ARMS, data, residual=f"{name}(VISITN + VISITN2 | USUBJID)")
    found = assert_like(m, name, spatial(m, power), arrange(m, data))
    if name == "exp":
        assert_printed(found, printed["parts"]["spatial"])


@pytest.mark.parametrize("name", ["ar1", "csh"])
def test_adjustment_with_a_matrix_for_each_group(data: pd.DataFrame, name: str) -> None:
    m = fitted(data, name, MAIN, by="SEX/")
    assert_like(m, name, parameters(m, name), arrange(m, data))


def test_continuous_time_is_exponential_decay(data: pd.DataFrame) -> None:
    a = nw.gls(ARMS, data, residual="car1(VISITN | USUBJID)")
    b = nw.gls(ARMS, data, residual="exp(VISITN | USUBJID)")
    np.testing.assert_allclose(a.vcov("kenward-roger"), b.vcov("kenward-roger"), rtol=1e-7)


def test_a_visit_that_nobody_had(data: pd.DataFrame) -> None:
    """mmrm prints 0.1468464 when it drops the level, 0.4051834 when it keeps the gap."""
    sparse = data[data["AVISIT"] != "VIS3"]
    dropped = nw.gls("FEV1 ~ RACE", sparse, residual="ar1(AVISIT | USUBJID)")
    kept = nw.gls("FEV1 ~ RACE", sparse, residual="car1(VISITN | USUBJID)")
    assert dropped.residual_parameters()["estimate"][0] == pytest.approx(0.1468464, abs=2e-6)
    assert kept.residual_parameters()["estimate"][0] == pytest.approx(0.4051834, abs=2e-6)


def test_observed_visits_are_predicted_by_themselves(
    data: pd.DataFrame, main: nw.StructuredModel
) -> None:
    seen = data[data["FEV1"].notna()].head(20)
    found = main.predict(seen, residual=True, se=True)
    np.testing.assert_allclose(found["fit"], seen["FEV1"], rtol=1e-12)
    np.testing.assert_allclose(found["se"], 0.0, atol=1e-6)
