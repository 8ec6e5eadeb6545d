"""Trouble is told: separation, one-sided levels, overdispersion, a poor approximation."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from nestwise.core.families.registry import family_named
from nestwise.core.links.registry import link_named
from nestwise.design import build
from nestwise.fit.glmm import fit_glmm
from nestwise.fit.glmm_result import GlmmFit


def fitted(formula: str, data: pd.DataFrame, family: str = "binomial", **options: int) -> GlmmFit:
    response = "proportion" if family in ("binomial", "beta_binomial") else "number"
    chosen = family_named(family)
    link = link_named(chosen.links[0])
    return fit_glmm(build(formula, data, response=response), chosen, link, **options)


def codes(fit: GlmmFit) -> list[str]:
    return [d.code for d in fit.diagnostics]


def message(fit: GlmmFit, code: str) -> str:
    return next(d.message for d in fit.diagnostics if d.code == code)


@pytest.fixture
def binary() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    n, m = 240, 12
    g = np.repeat(np.arange(m), n // m)
    x = rng.normal(size=n)
    kind = np.array(["a", "b", "c"])[np.arange(n) % 3]
    eta = 0.4 * x + 0.6 * rng.normal(size=m)[g] - 0.3
    y = (rng.random(n) < 1.0 / (1.0 + np.exp(-eta))).astype(int)
    return pd.DataFrame({"y": y, "x": x, "kind": kind, "g": g})


def test_a_good_model_has_nothing_to_tell(binary: pd.DataFrame) -> None:
    fit = fitted("y ~ x + kind + (1 | g)", binary)
    assert fit.verdict.status == "converged"
    assert codes(fit) == []


def test_quasi_separation_names_its_column(binary: pd.DataFrame) -> None:
    binary.loc[binary["kind"] == "c", "y"] = 1
    fit = fitted("y ~ x + kind + (1 | g)", binary)
    assert codes(fit) == ["separation", "one-sided-level"]
    assert "Quasi-complete" in message(fit, "separation")
    assert "by 'kindc' (to +infinity)." in message(fit, "separation")
    assert "80 rows of 'kindc' have nothing but events" in message(fit, "one-sided-level")
    assert fit.verdict.status == "not-identifiable"
    other = binary["kind"] != "c"
    rest = fitted("y ~ x + kind + (1 | g)", binary[other])
    np.testing.assert_allclose(fit.beta[:3], rest.beta, atol=2e-4)
    assert fit.loglik == pytest.approx(rest.loglik, abs=1e-5)
    assert np.isfinite(fit.vcov).all()


def test_a_reference_level_without_events(binary: pd.DataFrame) -> None:
    binary.loc[binary["kind"] == "a", "y"] = 0
    fit = fitted("y ~ x + kind + (1 | g)", binary)
    assert "80 rows of the reference level of 'kind' have no event" in message(
        fit, "one-sided-level"
    )
    assert "'(Intercept)' (to -infinity)" in message(fit, "separation")
    assert "'x'" not in message(fit, "separation")


def test_complete_separation(binary: pd.DataFrame) -> None:
    binary["y"] = (binary["x"] > 0.2).astype(int)
    fit = fitted("y ~ x + (1 | g)", binary)
    assert "Complete separation" in message(fit, "separation")
    assert "'x' (to +infinity)" in message(fit, "separation")
    assert not np.isnan(fit.loglik)
    assert fit.loglik == pytest.approx(0.0, abs=1e-3)


def test_counts_with_a_level_of_zeros() -> None:
    rng = np.random.default_rng(2)
    g, x = np.repeat(np.arange(20), 6), np.tile(["u", "v", "w"], 40)
    y = rng.poisson(np.exp(0.5 + 0.4 * rng.normal(size=20)[g]))
    y[x == "w"] = 0
    fit = fitted("y ~ x + (1 | g)", pd.DataFrame({"y": y, "x": x, "g": g}), "poisson")
    assert "with no events are told apart" in message(fit, "separation")
    assert "by 'xw' (to -infinity)" in message(fit, "separation")


def test_groups_of_one_kind() -> None:
    rng = np.random.default_rng(3)
    g = np.repeat(np.arange(60), 3)
    y = (rng.random(180) < 1.0 / (1.0 + np.exp(-2.0 - 2.0 * rng.normal(size=60)[g]))).astype(int)
    data = pd.DataFrame({"y": y, "g": g})
    totals = data.groupby("g")["y"].sum()
    none, only = int((totals == 0).sum()), int((totals == 3).sum())
    fit = fitted("y ~ 1 + (1 | g)", data)
    told = message(fit, "one-sided-groups")
    assert f"{none + only} of 60 levels of g" in told
    assert f"({none} without events, {only} with nothing else)" in told


def test_large_groups_of_one_kind_are_named(binary: pd.DataFrame) -> None:
    binary.loc[binary["g"] == 3, "y"] = 0
    binary.loc[binary["g"] == 7, "y"] = 1
    told = message(fitted("y ~ x + (1 | g)", binary), "one-sided-groups")
    assert "2 of 12 levels of g" in told
    assert "(1 without events, 1 with nothing else): 3, 7." in told


def test_rare_events_leave_groups_without_any_by_chance() -> None:
    rng = np.random.default_rng(12)
    data = pd.DataFrame({"y": (rng.random(240) < 0.2).astype(int), "g": np.repeat(range(40), 6)})
    alike = int((data.groupby("g")["y"].sum() == 0).sum())
    assert 4 <= alike <= 20
    assert "one-sided-groups" not in codes(fitted("y ~ 1 + (1 | g)", data))


def test_a_binary_response_for_each_level(binary: pd.DataFrame) -> None:
    binary["row"] = np.arange(len(binary))
    fit = fitted("y ~ x + (1 | g) + (1 | row)", binary)
    assert "Each level of row is one row" in message(fit, "one-row-levels")
    binary["y"] = np.random.default_rng(6).poisson(2.0, len(binary))
    assert "one-row-levels" not in codes(fitted("y ~ x + (1 | row)", binary, "poisson"))


def test_what_the_quadrature_would_change_is_told() -> None:
    rng = np.random.default_rng(4)
    g = np.repeat(np.arange(150), 3)
    x = rng.normal(size=450)
    eta = x + 2.0 * rng.normal(size=150)[g]
    y = (rng.random(450) < 1.0 / (1.0 + np.exp(-eta))).astype(int)
    data = pd.DataFrame({"y": y, "x": x, "g": g})
    laplace, exact = fitted("y ~ x + (1 | g)", data), fitted("y ~ x + (1 | g)", data, n_agq=15)
    told = message(laplace, "laplace")
    per_cent = float(re.search(r"sd of \(Intercept\) by g by ([+-]\d+) %", told).group(1))  # type: ignore[union-attr]
    assert per_cent == pytest.approx(100.0 * (exact.theta[0] / laplace.theta[0] - 1.0), rel=0.5)
    low, high = re.search(r"'x' from ([\d.]+) to about (\d+\.\d+)", told).groups()  # type: ignore[union-attr]
    assert float(low) == pytest.approx(laplace.beta[1], abs=0.006)
    assert float(high) == pytest.approx(exact.beta[1], abs=0.08)
    assert "laplace" not in codes(exact)


def test_overdispersion_and_its_cure() -> None:
    rng = np.random.default_rng(5)
    g = np.repeat(np.arange(25), 12)
    mu = np.exp(1.5 + 0.4 * rng.normal(size=25)[g])
    data = pd.DataFrame({"y": rng.negative_binomial(1.5, 1.5 / (1.5 + mu)), "g": g})
    data["row"] = np.arange(len(data))
    assert "overdispersion" in codes(fitted("y ~ 1 + (1 | g)", data, "poisson"))
    assert "overdispersion" not in codes(fitted("y ~ 1 + (1 | g) + (1 | row)", data, "poisson"))
    assert "overdispersion" not in codes(fitted("y ~ 1 + (1 | g)", data, "negative_binomial"))
    data["y"] = rng.poisson(mu)
    assert "overdispersion" not in codes(fitted("y ~ 1 + (1 | g)", data, "poisson"))
