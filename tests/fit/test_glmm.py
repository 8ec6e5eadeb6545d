"""glmer's models: at R's optimum or below, and what is told where it is in trouble."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nestwise.core.equations import Rows, row_variances
from nestwise.core.families.family import RowTerms
from nestwise.core.families.registry import FAMILIES
from nestwise.core.glmm import evaluate_glmm
from nestwise.core.links.registry import link_named
from nestwise.design import build
from nestwise.fit.glmm import fit_glmm
from nestwise.fit.glmm_refit import glmm_refitter
from nestwise.fit.glmm_result import GlmmFit
from nestwise.fit.lmm import fit_lmm

BINOMIAL, LOGIT = FAMILIES["binomial"], link_named("logit")


@pytest.fixture
def cbpp(shared_file: Callable[[str], Path]) -> pd.DataFrame:
    table = pd.read_csv(shared_file("cbpp.csv"))
    table["share"] = table["incidence"] / table["size"]
    table["period"] = table["period"].astype(str)
    return table


def _fit(formula: str, table: pd.DataFrame, **kw: object) -> GlmmFit:
    return fit_glmm(build(formula, table, weights="size"), BINOMIAL, LOGIT, **kw)  # type: ignore[arg-type]


def test_cbpp_is_below_glmer(cbpp: pd.DataFrame) -> None:
    fit = _fit("share ~ period + (1 | herd)", cbpp)
    assert fit.criterion <= 184.0526
    np.testing.assert_allclose(fit.beta, [-1.3985, -0.9923, -1.1287, -1.5803], atol=5e-5)
    np.testing.assert_allclose(fit.theta, [0.6423], atol=5e-4)
    assert fit.verdict.status == "converged"
    assert fit.sigma == 1.0
    assert fit.phi is None
    assert fit.loglik == -0.5 * fit.criterion
    np.testing.assert_allclose(fit.par_vcov[1:, 1:], fit.vcov)


def test_rows_may_have_an_effect_each(cbpp: pd.DataFrame) -> None:
    cbpp["row"] = np.arange(len(cbpp))
    fit = _fit("share ~ period + (1 | herd) + (1 | row)", cbpp)
    assert fit.verdict.converged
    assert fit.criterion < 184.05
    assert len(fit.modes[0]) == len(cbpp)


def _counts(seed: int, sd: float) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(20), 8)
    x = rng.normal(size=160)
    eta = 0.5 + 0.3 * x + sd * rng.normal(size=20)[g]
    return pd.DataFrame({"y": rng.poisson(np.exp(eta)).astype(float), "x": x, "g": g})


def test_counts_without_overdispersion_put_the_dispersion_at_its_limit() -> None:
    rng = np.random.default_rng(2)
    table = _counts(1, 0.5)
    table["y"] = rng.binomial(6, 0.4, len(table)).astype(float)
    fit = fit_glmm(
        build("y ~ x + (1 | g)", table), FAMILIES["negative_binomial"], link_named("log")
    )
    plain = fit_glmm(build("y ~ x + (1 | g)", table), FAMILIES["poisson"], link_named("log"))
    assert [d.code for d in fit.diagnostics][-1] == "dispersion-at-limit"
    assert fit.criterion == pytest.approx(plain.criterion, abs=1e-3)


def test_a_zero_variance_is_exactly_zero() -> None:
    table = _counts(3, 0.0)
    fit = fit_glmm(build("y ~ x + (1 | g)", table), FAMILIES["poisson"], link_named("log"))
    assert fit.theta.tolist() == [0.0]
    assert fit.verdict.status == "singular"
    assert np.isfinite(fit.vcov).all()


def test_events_in_no_row_of_a_level_end_with_finite_numbers() -> None:
    rng = np.random.default_rng(4)
    table = pd.DataFrame({"g": np.repeat(np.arange(30), 10), "arm": np.tile(["a", "b"], 150)})
    table["y"] = np.where(table["arm"] == "b", 0.0, rng.binomial(1, 0.5, 300)).astype(float)
    fit = fit_glmm(build("y ~ arm + (1 | g)", table), BINOMIAL, LOGIT)
    assert np.isfinite(fit.beta).all()
    assert np.isfinite(fit.vcov).all()
    assert fit.verdict.status == "not-identifiable"


def test_an_optimum_at_the_edge_of_the_range_is_told() -> None:
    rng = np.random.default_rng(5)
    g = np.repeat(np.arange(12), 6)
    x = rng.normal(size=72)
    mu = np.minimum(0.999, np.exp(-0.8 + 0.5 * x + 0.3 * rng.normal(size=12)[g]))
    table = pd.DataFrame({"y": rng.binomial(1, mu).astype(float), "x": x, "g": g})
    fit = fit_glmm(build("y ~ x + (1 | g)", table), BINOMIAL, link_named("log"))
    assert np.isfinite(fit.criterion)
    assert fit.verdict.converged or fit.diagnostics[0].code == "edge-of-range"


def test_the_working_model_has_the_curvature_of_the_joint_density(cbpp: pd.DataFrame) -> None:
    design = build("share ~ period + (1 | herd)", cbpp, weights="size")
    fit = fit_glmm(design, BINOMIAL, link_named("cauchit"))
    Z = (design.factors[0].codes[:, None] == np.arange(15)).astype(float)
    A, X = Z * fit.theta[0], design.fixed.X
    W = -fit.family.rows(design.y, fit.eta, design.weights, None, fit.link).d2
    K = np.block([[(A.T * W) @ A + np.eye(15), (A.T * W) @ X], [(X.T * W) @ A, (X.T * W) @ X]])
    rows = Rows(X, (design.factors[0].codes,), (np.ones((len(X), 1)),))
    expected = np.einsum("ij,jk,ik->i", np.hstack([A, X]), np.linalg.inv(K), np.hstack([A, X]))
    np.testing.assert_allclose(row_variances(fit.problem, fit.theta, rows), expected, rtol=1e-8)


def _shuffled(table: pd.DataFrame) -> pd.DataFrame:
    """The same rows in another order."""
    return table.sample(frac=1.0, random_state=1).reset_index(drop=True)


@pytest.mark.parametrize("family", ["binomial", "poisson"])
def test_rows_that_are_alike_are_put_together(family: str) -> None:
    rng = np.random.default_rng(6)
    g = np.repeat(np.arange(40), 75)
    x, t = rng.integers(0, 3, 3000).astype(float), rng.integers(0, 2, 3000).astype(float)
    eta = -0.3 + 0.4 * x - 0.2 * t + 0.6 * rng.normal(size=40)[g]
    if family == "binomial":
        y = rng.binomial(1, 1.0 / (1.0 + np.exp(-eta))).astype(float)
    else:
        y = rng.poisson(np.exp(eta)).astype(float)
    table = _shuffled(pd.DataFrame({"y": y, "x": x, "t": t, "g": g}))
    link = link_named("logit" if family == "binomial" else "log")
    fit = fit_glmm(build("y ~ x + t + (1 | g)", table), FAMILIES[family], link)
    assert len(fit.model.arrays.y) <= 240
    # An offset that differs in every row by nothing to speak of keeps the rows apart.
    apart = build("y ~ x + t + offset(o) + (1 | g)", table.assign(o=1e-13 * np.arange(3000)))
    other = fit_glmm(apart, FAMILIES[family], link)
    assert len(other.model.arrays.y) == 3000
    assert fit.criterion == pytest.approx(other.criterion, abs=1e-6)
    # Both stop within 1e-9 of the criterion: within 3e-5 standard errors.
    np.testing.assert_allclose(fit.beta, other.beta, atol=5e-6)
    np.testing.assert_allclose(fit.vcov, other.vcov, rtol=1e-4)
    np.testing.assert_allclose(fit.eta, other.eta, atol=1e-5)
    np.testing.assert_allclose(fit.modes[0], other.modes[0], atol=1e-5)
    # Another response of all rows is put together in the same way.
    response = rng.permutation(fit.design.y)
    for y in (fit.design.y, response):
        again, both = glmm_refitter(fit)(y), glmm_refitter(other)(y)
        assert again.criterion == pytest.approx(both.criterion, abs=1e-5)
        np.testing.assert_allclose(again.beta, both.beta, atol=1e-4)


def test_many_levels_are_begun_on_some_of_them() -> None:
    rng = np.random.default_rng(7)
    g = np.repeat(np.arange(4000), 6)
    x = rng.normal(size=24000)
    b, s = rng.normal(size=4000), 0.5 * rng.normal(size=4000)
    eta = -0.5 + 0.7 * x + b[g] + s[g] * x
    table = pd.DataFrame({"y": rng.binomial(1, 1.0 / (1.0 + np.exp(-eta))).astype(float), "x": x})
    table["g"] = g
    fit = fit_glmm(build("y ~ x + (1 + x | g)", table), BINOMIAL, LOGIT)
    assert fit.verdict.status == "converged"
    gradient = evaluate_glmm(fit.model, _psi(fit)).gradient
    assert np.abs(gradient).max() < 1e-3
    assert fit.n_evaluations < 30
    np.testing.assert_allclose(fit.beta, [-0.5, 0.7], atol=0.1)


def _psi(fit: GlmmFit) -> np.ndarray:
    """The optimum in the units of the kernel."""
    layout = fit.model.layout
    beta = np.linalg.solve(layout.basis.to_user, fit.beta)
    return np.concatenate([fit.theta * layout.theta_scale, beta])


@pytest.mark.parametrize("random", ["(1 | g)", "(1 + x | g)", "(1 | g) + (1 | h)", "(1 | h / g)"])
def test_a_gaussian_response_gives_the_linear_mixed_model(random: str) -> None:
    rng = np.random.default_rng(8)
    g, h = rng.integers(0, 25, 300), rng.integers(0, 8, 300)
    x = 2000.0 + rng.normal(size=300)
    y = 3.0 + 0.5 * (x - 2000.0) + rng.normal(size=25)[g] + 0.7 * rng.normal(size=8)[h]
    y += 0.6 * rng.normal(size=25)[g] * (x - 2000.0) + 0.8 * rng.normal(size=300)
    design = build(f"y ~ x + {random}", {"y": y, "x": x, "g": g, "h": h})
    fit = fit_glmm(design, FAMILIES["gaussian"], link_named("identity"))
    linear = fit_lmm(design, reml=False)
    assert fit.criterion == pytest.approx(linear.criterion, abs=1e-6)
    assert fit.sigma == pytest.approx(linear.sigma, rel=1e-4)
    np.testing.assert_allclose(fit.beta, linear.beta, rtol=1e-5)
    for own, other in zip(fit.lambdas, linear.lambdas, strict=True):
        size = np.abs(other @ other.T).max()
        np.testing.assert_allclose(own @ own.T, other @ other.T, atol=2e-3 * size)
    for b, other in zip(fit.modes, linear.modes, strict=True):
        np.testing.assert_allclose(b, other, atol=2e-3 * np.abs(other).max())


def test_recoding_the_covariate_changes_nothing_else() -> None:
    table = _counts(9, 0.6)
    poisson, log = FAMILIES["poisson"], link_named("log")
    fit = fit_glmm(build("y ~ x + (1 + x | g)", table), poisson, log)
    far = table.assign(x=2000.0 + 10.0 * table["x"])
    other = fit_glmm(build("y ~ x + (1 + x | g)", far), poisson, log)
    assert other.criterion == pytest.approx(fit.criterion, abs=1e-6)
    assert other.beta[1] == pytest.approx(fit.beta[1] / 10.0, rel=1e-4)
    np.testing.assert_allclose(other.eta, fit.eta, atol=1e-4)
    shuffled = fit_glmm(build("y ~ x + (1 + x | g)", _shuffled(table)), poisson, log)
    assert shuffled.criterion == pytest.approx(fit.criterion, abs=1e-7)


def test_a_users_own_family_goes_through_numpy(cbpp: pd.DataFrame) -> None:
    design = build("share ~ period + (1 | herd)", cbpp, weights="size")
    own = replace(BINOMIAL, name="mine", rows=lambda *given: BINOMIAL.rows(*given))
    fit, compiled = fit_glmm(design, own, LOGIT), fit_glmm(design, BINOMIAL, LOGIT)
    assert fit.criterion == pytest.approx(compiled.criterion, abs=1e-9)
    np.testing.assert_allclose(fit.vcov, compiled.vcov, rtol=3e-4)


def test_an_error_in_a_users_family_comes_back_as_it_is(cbpp: pd.DataFrame) -> None:
    calls = []

    def rows(*given: object) -> RowTerms:
        calls.append(1)
        if len(calls) > 4:
            raise ZeroDivisionError("in the user's own code")
        return BINOMIAL.rows(*given)  # type: ignore[arg-type]

    design = build("share ~ period + (1 | herd)", cbpp, weights="size")
    with pytest.raises(ZeroDivisionError, match="own code"):
        fit_glmm(design, replace(BINOMIAL, name="mine", rows=rows), LOGIT)
