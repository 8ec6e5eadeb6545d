"""The verdict: each status on data where it is true, and silence where nothing is wrong."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from nestwise._base.errors import DataError, FitError, OptionError
from nestwise._base.options import Control
from nestwise.design import build
from nestwise.fit.lmm import fit_lmm, refit
from nestwise.workflow.datasets import load_dataset


def simulated(seed: int, groups: int, size: int, L: np.ndarray, sigma: float = 1.0) -> pd.DataFrame:
    """Random intercepts and slopes with relative factor L."""
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(groups), size)
    x = rng.normal(size=groups * size)
    b = rng.normal(size=(groups, 2)) @ L.T
    y = 1 + x + b[g, 0] + b[g, 1] * x + sigma * rng.normal(size=len(g))
    return pd.DataFrame({"y": y, "x": x, "g": g})


def test_ordinary_fits_say_nothing() -> None:
    for formula, name in [
        ("Reaction ~ Days + (Days | Subject)", "sleepstudy"),
        ("diameter ~ 1 + (1 | plate) + (1 | sample)", "Penicillin"),
        ("strength ~ 1 + (1 | batch/cask)", "Pastes"),
        ("normexam ~ standLRT + (standLRT | school)", "Exam"),
    ]:
        fit = fit_lmm(build(formula, load_dataset(name)))
        assert (fit.verdict.status, fit.diagnostics) == ("converged", ())
        assert fit.n_evaluations < 15


def test_zero_variance_is_exactly_zero_and_named() -> None:
    fit = fit_lmm(build("Yield ~ 1 + (1 | Batch)", load_dataset("Dyestuff2")))
    assert fit.theta.tolist() == [0.0]
    assert fit.verdict.status == "singular"
    assert fit.verdict.converged
    assert "The variance of (Intercept) by Batch is estimated as zero" in fit.diagnostics[0].message


def test_perfect_correlation_is_named() -> None:
    data = simulated(5, 6, 4, np.array([[1.0, 0.0], [0.6, 0.0]]))
    fit = fit_lmm(build("y ~ x + (x | g)", data))
    assert fit.verdict.status == "singular"
    assert "correlation of (Intercept) and x (+1) by g" in fit.diagnostics[0].message


def test_the_tutorials_slope_cannot_be_identified() -> None:
    data = load_dataset("hlm_tutorial")
    fit = fit_lmm(build("math_score ~ intervention * ses + (intervention | classroom_id)", data))
    assert fit.verdict.status == "not-identifiable"
    assert fit.verdict.converged
    message = fit.diagnostics[0].message
    assert "the covariance of (Intercept) and intervention by classroom_id" in message
    assert "the variance of intervention by classroom_id" in message
    assert "'intervention' is constant within every level of 'classroom_id'" in message


def test_the_same_factor_twice_cannot_be_identified() -> None:
    data = simulated(1, 8, 5, np.eye(2))
    data["h"] = data["g"]
    fit = fit_lmm(build("y ~ x + (1 | g) + (1 | h)", data))
    assert fit.verdict.status == "not-identifiable"
    assert "the variance of (Intercept) by g and the variance of (Intercept) by h" in (
        fit.diagnostics[0].message
    )
    single = fit_lmm(build("y ~ x + (1 | g)", data))
    assert fit.criterion == pytest.approx(single.criterion, abs=1e-7)


def test_what_cannot_be_identified_is_said_once() -> None:
    rng = np.random.default_rng(2)
    data = {"x": rng.normal(size=120), "g": np.repeat(np.arange(12), 10)}
    data["y"] = rng.normal(size=120) + (rng.normal(size=12) * 1.0)[data["g"]] * (1 + data["x"])
    data["double"] = 2.0 * data["x"]
    fit = fit_lmm(build("y ~ x + (x + double | g)", data))
    told = [d.message for d in fit.diagnostics if d.code == "not-identifiable"]
    assert len(told) == 1
    assert "cannot tell apart" in told[0]
    assert fit.verdict.status == "not-identifiable"


def test_a_random_intercept_for_a_fixed_factor_is_named() -> None:
    formula = "diameter ~ plate + (1 | plate) + (1 | sample)"
    fit = fit_lmm(build(formula, load_dataset("Penicillin")))
    assert fit.verdict.status == "not-identifiable"
    message = fit.diagnostics[0].message
    assert "cannot tell the variance of (Intercept) by plate from zero" in message
    ml = fit_lmm(build(formula, load_dataset("Penicillin")), reml=False)
    assert (ml.verdict.status, ml.theta[0]) == ("singular", 0.0)


def test_starting_at_the_saddle_of_zero_finds_the_variance() -> None:
    design = build("Yield ~ 1 + (1 | Batch)", load_dataset("Dyestuff"))
    at_zero = fit_lmm(design, start=np.array([0.0]))
    assert at_zero.criterion == pytest.approx(fit_lmm(design).criterion, abs=1e-8)
    assert at_zero.theta[0] > 0.5


def test_running_out_of_evaluations_is_said() -> None:
    design = build("diameter ~ 1 + (1 | plate) + (1 | sample)", load_dataset("Penicillin"))
    fit = fit_lmm(design, control=Control(max_evaluations=2))
    assert fit.verdict.status == "not-converged"
    assert not fit.verdict.converged
    assert "after 2 evaluations" in fit.diagnostics[0].message


def test_start_of_the_wrong_length_is_refused() -> None:
    design = build("Reaction ~ Days + (Days | Subject)", load_dataset("sleepstudy"))
    with pytest.raises(OptionError, match="needs 3 finite values"):
        fit_lmm(design, start=np.array([1.0]))


def test_an_exact_response_is_refused_with_a_reason() -> None:
    data = simulated(2, 5, 4, np.eye(2))
    data["y"] = 2.0 + 3.0 * data["x"]
    with pytest.raises(FitError, match="reproduce the response exactly"):
        fit_lmm(build("y ~ x + (1 | g)", data))


def test_refit_is_a_new_fit_and_checks_its_response() -> None:
    fit = fit_lmm(build("Reaction ~ Days + (Days | Subject)", load_dataset("sleepstudy")))
    again = refit(fit, fit.design.y * 2.0 + 1.0)
    np.testing.assert_allclose(again.theta, fit.theta, rtol=1e-4)
    assert again.sigma == pytest.approx(2.0 * fit.sigma, rel=1e-6)
    assert fit.design.y is not again.design.y
    with pytest.raises(DataError, match="180 rows"):
        refit(fit, np.zeros(3))
    with pytest.raises(DataError, match="missing or infinite"):
        refit(fit, np.full(180, np.nan))


def test_a_singular_model_of_one_factor_is_looked_at_again_but_not_for_long() -> None:
    rng = np.random.default_rng(0)
    data = load_dataset("sleepstudy").assign(Reaction=rng.normal(size=180))
    fit = fit_lmm(build("Reaction ~ Days + (Days | Subject)", data))
    assert fit.verdict.status == "singular"
    assert fit.n_evaluations < 90


def test_small_variances_that_fixed_effects_confound_are_not_identifiable() -> None:
    """Of three groups, REML sees one contrast beside intercept and z: one variance, not two."""
    g = np.repeat(np.arange(3), 120)
    z = np.array([0.72, 2.28, 0.59])[g]
    rng = np.random.default_rng(12)
    y = 1.0 + z + rng.normal(size=360) + np.array([0.0, 0.0, 0.2])[g]
    design = build("y ~ z + (1 + z || g)", pd.DataFrame({"y": y, "z": z, "g": g}))
    assert fit_lmm(design).verdict.status == "not-identifiable"
