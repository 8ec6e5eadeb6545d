"""Joint covariance of (beta, b): beside dense matrices, and consistent with what is known."""

from __future__ import annotations

import numpy as np
import pytest

import nestwise as nw
from inference.r_models import mixed, table


def dense(m: nw.MixedModel) -> np.ndarray:
    """Covariance of (beta_hat, b_hat - b) of one vector-valued term, from Z and V themselves."""
    design = m.fit.design
    term, factor = design.terms[0], design.factors[0]
    columns = np.column_stack([np.ones(len(design.y)) if z is None else z for z in term.Z])
    one = np.eye(factor.n_levels)[factor.codes]
    Z = (one[:, :, None] * columns[:, None, :]).reshape(len(design.y), -1)
    D = np.kron(np.eye(factor.n_levels), m.fit.sigma**2 * m.fit.lambdas[0] @ m.fit.lambdas[0].T)
    w = np.ones(len(design.y)) if design.weights is None else design.weights
    R, X = np.diag(w / m.sigma**2), design.fixed.X
    T = np.hstack([X, Z])
    p = X.shape[1]
    K = T.T @ R @ T
    K[p:, p:] += np.linalg.inv(D)
    return np.linalg.inv(K)


@pytest.mark.parametrize("name", ["sleepstudy", "sleepstudy_weights", "machines"])
def test_all_levels(name: str) -> None:
    m = mixed(name)
    j, expected = m.joint_vcov(), dense(mixed(name))
    np.testing.assert_allclose(j.covariance, expected, rtol=1e-6, atol=1e-8 * expected.max())
    p = len(m.params)
    np.testing.assert_allclose(j.covariance[:p, :p], m.vcov(), rtol=1e-8)
    assert j.labels["level"][:p].tolist() == [None] * p


def test_chosen_levels_are_a_part_of_all() -> None:
    m = mixed("sleepstudy")
    some, everything = m.joint_vcov({"Subject": ["330", 308]}), m.joint_vcov()
    level = everything.labels["level"]
    at = [0, 1, *np.flatnonzero(level == "330"), *np.flatnonzero(level == "308")]
    np.testing.assert_allclose(some.covariance, everything.covariance[np.ix_(at, at)], rtol=1e-9)
    np.testing.assert_allclose(some.labels["estimate"], everything.labels["estimate"][at])


def test_crossed_factors() -> None:
    m = mixed("penicillin")
    j = m.joint_vcov({"plate": ["a"], "sample": ["A", "B"]})
    assert j.labels["group"].tolist() == ["fixed", "plate", "sample", "sample"]
    assert np.linalg.eigvalsh(j.covariance)[0] > 0
    fit = m.predict({"plate": ["a"], "sample": ["A"]}, se=True, theta_uncertainty=False)
    one = np.array([1.0, 1.0, 1.0, 0.0])
    assert fit["se"][0] == pytest.approx(np.sqrt(one @ j.covariance @ one), rel=1e-9)


def test_coef_standard_errors_come_from_the_joint_covariance() -> None:
    m = mixed("sleepstudy")
    c, j = m.coef(std_error=True), m.joint_vcov()
    assert list(c) == ["group", "level", "term", "estimate", "std_error"]
    for level, term, at in (("308", "(Intercept)", 0), ("372", "Days", 1)):
        where = (j.labels["level"] == level) & (j.labels["term"] == term)
        i = int(np.flatnonzero(where)[0])
        C = j.covariance
        expected = np.sqrt(C[at, at] + C[i, i] + 2 * C[at, i])
        row = c[(c["level"] == level) & (c["term"] == term)]
        assert row["std_error"].item() == pytest.approx(expected, rel=1e-9)


def test_coefficients_without_random_part_have_the_fixed_standard_error() -> None:
    m = nw.lmer("Reaction ~ Days + (1 | Subject)", table("sleepstudy"))
    c = m.coef(std_error=True)
    np.testing.assert_allclose(c["std_error"][c["term"] == "Days"], m.bse["Days"], rtol=1e-9)


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        ({"Sujet": ["308"]}, "did you mean 'Subject'"),
        ({"Subject": ["3008"]}, "did you mean '308'"),
        (["308"], "map grouping factors"),
    ],
)
def test_levels_that_do_not_exist(levels: object, message: str) -> None:
    with pytest.raises(nw.NestwiseError, match=message):
        mixed("sleepstudy").joint_vcov(levels)
