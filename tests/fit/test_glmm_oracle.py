"""glmer's and glmmTMB's answers: their criterion at their parameters, and never a worse optimum."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from fit.r_glmms import ORACLE, best_loglik, design_of
from nestwise._base.options import Control
from nestwise.core.glmm import evaluate_glmm
from nestwise.core.glmm_compiled import compiled_glmm
from nestwise.core.glmm_reference import dense_glmm
from nestwise.core.quadrature_compiled import quadrature_kernel
from nestwise.fit.glmm import fit_glmm
from nestwise.fit.glmm_model import GlmmModel, make_glmm
from nestwise.fit.glmm_result import GlmmFit

CANONICAL = {"binomial": "logit", "poisson": "log"}
LARGE = ("verbagg",)
"""Evaluated by the compiled kernel: the dense twin would take minutes."""


def expected_weights(name: str) -> bool:
    """Whether glmer's Laplace approximation is another: it takes expected weights."""
    case = ORACLE[name]
    return CANONICAL.get(case["family"]) != case["link"] and not (
        case["family"] == "poisson" and case["link"] == "log"
    )


@cache
def fitted(name: str, laplace: str = "observed") -> GlmmFit:
    design, family, link = design_of(name)
    return fit_glmm(design, family, link, ORACLE[name]["nagq"], Control(laplace=laplace))


@cache
def model_of(name: str, laplace: str) -> GlmmModel:
    design, family, link = design_of(name)
    points = ORACLE[name]["nagq"]

    def kernel(rows):  # type: ignore[no-untyped-def]
        if points > 1:
            return quadrature_kernel(rows, points)
        return compiled_glmm(rows) if name in LARGE else dense_glmm(rows)

    return make_glmm(design, family, link, Control(laplace=laplace), kernel)


def loglik_at(
    name: str, theta: list[float], beta: list[float], phi: float | None, laplace: str
) -> float:
    """Our log-likelihood at R's parameters."""
    model = model_of(name, laplace)
    assert model.centering is None
    layout = model.problem.layout
    scale = np.sqrt(phi) if model.has_scale and phi is not None else 1.0
    par = np.atleast_1d(theta) * layout.theta_scale * scale
    inside = np.linalg.solve(layout.basis.to_user, np.atleast_1d(beta))
    psi = np.concatenate([par, inside, [] if phi is None else [np.log(phi)]])
    return -0.5 * evaluate_glmm(model.problem, psi, None, 0).value


@pytest.mark.parametrize("name", [n for n in ORACLE if "glmer" in ORACLE[n]])
def test_criterion_at_glmers_parameters(name: str) -> None:
    laplace = "expected" if expected_weights(name) else "observed"
    for at in ORACLE[name]["glmer"]["at"]:
        ours = loglik_at(name, at["theta"], at["beta"], None, laplace)
        assert ours == pytest.approx(at["loglik"], abs=1e-6)


@pytest.mark.parametrize("name", [n for n in ORACLE if "tmb" in ORACLE[n]])
def test_criterion_at_glmmtmbs_parameters(name: str) -> None:
    r = ORACLE[name]["tmb"]
    ours = loglik_at(name, r["theta"], r["beta"], r.get("phi") or None, "observed")
    assert ours == pytest.approx(r["loglik"], abs=1e-6)


@pytest.mark.parametrize("name", list(ORACLE))
def test_never_below_r(name: str) -> None:
    case = ORACLE[name]
    fit = fitted(name)
    if "tmb" in case or not expected_weights(name):
        assert fit.loglik > best_loglik(name) - 1e-6
    if "glmer" in case and expected_weights(name):
        same = fitted(name, "expected")
        assert same.loglik > max(case["glmer"][k]["loglik"] for k in ("default", "tight")) - 1e-6
    if "glmer" in case and not expected_weights(name):
        assert fit.loglik > case["glmer"]["default"]["loglik"] - 1e-9


@pytest.mark.parametrize("name", list(ORACLE))
def test_estimates_and_standard_errors(name: str) -> None:
    case = ORACLE[name]
    laplace = "observed" if "tmb" in case or not expected_weights(name) else "expected"
    fit = fitted(name, laplace)
    r = case["tmb"] if "tmb" in case and name not in LARGE else case["glmer"]["tight"]
    se = np.array(
        [np.nan if s in (None, "NA", "NaN") else s for s in np.atleast_1d(r["std_error"] or np.nan)]
    )
    if fit.verdict.status == "singular":
        np.testing.assert_allclose(fit.beta, r["beta"], atol=2e-3)
        return
    scale = np.sqrt(np.diag(fit.vcov))
    np.testing.assert_allclose(fit.beta / scale, np.array(r["beta"]) / scale, atol=5e-4)
    np.testing.assert_allclose(fit.theta, np.atleast_1d(r["theta"]), rtol=1e-3, atol=1e-4)
    if np.isfinite(se).all():
        np.testing.assert_allclose(scale, se, rtol=2e-4)
    if r.get("phi"):
        assert fit.phi == pytest.approx(r["phi"], rel=1e-3)


def test_verbal_aggression_to_four_digits() -> None:
    """-2 log L 8151.3997 (glmer's tight optimum), coefficients and errors of that optimum."""
    fit, tight = fitted("verbagg"), ORACLE["verbagg"]["glmer"]["tight"]
    assert fit.criterion <= 8151.3997 + 5e-5
    np.testing.assert_allclose(fit.beta, tight["beta"], rtol=5e-4)
    np.testing.assert_allclose(np.sqrt(np.diag(fit.vcov)), tight["std_error"], rtol=1e-4)
