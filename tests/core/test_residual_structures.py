"""Residual structures: definitions, derivatives against differences, positive definiteness."""

from __future__ import annotations

import numpy as np
import pytest

from nestwise._base.arrays import FloatArray
from nestwise.core.residual.chart import bending
from nestwise.core.residual.registry import RESIDUAL_STRUCTURES
from nestwise.core.residual.structure import ResidualStructure
from nestwise.core.residual.visits import Visits
from nestwise.core.residual_variance.registry import VARIANCE_FUNCTIONS

NAMES = sorted(RESIDUAL_STRUCTURES)
LABELS = ("a", "b", "c", "d", "e")
ALL = Visits(np.arange(5, dtype=np.int32), np.array([0.0, 0.7, 1.9, 4.0, 4.5]), 5)
SOME = Visits(np.array([3, 0, 4], dtype=np.int32), np.array([4.0, 0.0, 4.5]), 5)


def random_par(structure: ResidualStructure, seed: int, size: float = 0.8) -> FloatArray:
    return np.random.default_rng(seed).normal(0.0, size, structure.n_par(5))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("visits", [ALL, SOME])
def test_derivatives(name: str, visits: Visits) -> None:
    structure, step = RESIDUAL_STRUCTURES[name], 1e-5
    par = random_par(structure, 1)
    _, dR = structure.covariance(par, visits)
    second = structure.second(par, visits)
    assert dR.shape == (len(par), len(visits.time), len(visits.time))
    for i in range(len(par)):
        move = np.zeros(len(par))
        move[i] = step
        up, dup = structure.covariance(par + move, visits)
        down, ddown = structure.covariance(par - move, visits)
        np.testing.assert_allclose(dR[i], (up - down) / (2 * step), atol=2e-9)
        np.testing.assert_allclose(second[i], (dup - ddown) / (2 * step), atol=2e-8)


@pytest.mark.parametrize("name", NAMES)
def test_positive_definite_wherever_par_goes(name: str) -> None:
    structure = RESIDUAL_STRUCTURES[name]
    for seed in range(20):
        R, _ = structure.covariance(random_par(structure, seed, 1.5), ALL)
        assert np.linalg.eigvalsh(R)[0] > 0.0
        assert R[0, 0] == pytest.approx(1.0, abs=1e-15)
        if not structure.heterogeneous:
            np.testing.assert_allclose(R.diagonal(), 1.0)


@pytest.mark.parametrize("name", NAMES)
def test_a_subject_sees_its_part(name: str) -> None:
    structure = RESIDUAL_STRUCTURES[name]
    par = random_par(structure, 3)
    full, _ = structure.covariance(par, ALL)
    part, _ = structure.covariance(par, SOME)
    index = SOME.index
    np.testing.assert_allclose(part, full[np.ix_(index, index)], rtol=1e-13)


@pytest.mark.parametrize("name", NAMES)
def test_natural_parameters(name: str) -> None:
    structure, step = RESIDUAL_STRUCTURES[name], 1e-6
    par = random_par(structure, 4)
    names, values, slopes = structure.natural(par, LABELS)
    assert len(names) == len(values) == len(slopes) == len(par)
    for i in range(len(par)):
        move = np.zeros(len(par))
        move[i] = step
        up, down = (
            structure.natural(par + move, LABELS)[1],
            structure.natural(par - move, LABELS)[1],
        )
        np.testing.assert_allclose(slopes[:, i], (up - down) / (2 * step), atol=1e-8)
    R, _ = structure.covariance(par, ALL)
    sd = np.sqrt(R.diagonal())
    told = dict(zip(names, values, strict=True))
    for key, value in told.items():
        if key.startswith("sd["):
            assert value == pytest.approx(sd[LABELS.index(key[3])])
        if key.startswith("cor["):
            i, j = LABELS.index(key[4]), LABELS.index(key[6])
            assert value == pytest.approx(R[i, j] / sd[i] / sd[j])


def correlation(name: str, seed: int = 5) -> tuple[FloatArray, FloatArray]:
    structure = RESIDUAL_STRUCTURES[name]
    par = random_par(structure, seed)
    R, _ = structure.covariance(par, ALL)
    sd = np.sqrt(R.diagonal())
    return R / np.outer(sd, sd), structure.natural(par, LABELS)[1]


LAG = np.abs(np.subtract.outer(np.arange(5), np.arange(5)))
GAP = np.abs(np.subtract.outer(ALL.time, ALL.time))


@pytest.mark.parametrize("name", ["cs", "csh"])
def test_compound_symmetry(name: str) -> None:
    C, natural = correlation(name)
    np.testing.assert_allclose(C, np.where(LAG == 0, 1.0, natural[-1]))
    structure = RESIDUAL_STRUCTURES["cs"]
    assert structure.natural(np.array([-50.0]), LABELS)[1][0] == pytest.approx(-0.25)


@pytest.mark.parametrize("name", ["ar1", "ar1h"])
def test_autoregression(name: str) -> None:
    C, natural = correlation(name)
    np.testing.assert_allclose(C, natural[-1] ** LAG)


@pytest.mark.parametrize("name", ["toep", "toeph"])
def test_toeplitz(name: str) -> None:
    C, natural = correlation(name)
    np.testing.assert_allclose(C, np.append(1.0, natural[-4:])[LAG])


@pytest.mark.parametrize("name", ["ad", "adh"])
def test_antedependence(name: str) -> None:
    C, natural = correlation(name)
    near = natural[-4:]
    for i in range(5):
        for j in range(i, 5):
            assert C[i, j] == pytest.approx(np.prod(near[i:j]))


def test_distance_structures() -> None:
    C, (phi,) = correlation("car1")
    np.testing.assert_allclose(C, phi**GAP)
    C, (reach,) = correlation("exp")
    np.testing.assert_allclose(C, np.exp(-GAP / reach))
    C, (reach,) = correlation("gau")
    np.testing.assert_allclose(C, np.exp(-((GAP / reach) ** 2)))
    C, (reach, nugget) = correlation("exp_nugget")
    np.testing.assert_allclose(C, np.where(GAP == 0, 1.0, (1 - nugget) * np.exp(-GAP / reach)))


def test_coordinates_in_the_plane() -> None:
    at = np.array([[0.0, 0.0], [3.0, 4.0]])
    R, _ = RESIDUAL_STRUCTURES["exp"].covariance(np.array([np.log(5.0)]), Visits(None, at, 2))
    assert R[0, 1] == pytest.approx(np.exp(-1.0))


@pytest.mark.parametrize("name", NAMES)
def test_starting_values(name: str) -> None:
    structure = RESIDUAL_STRUCTURES[name]
    for v in (1, 2, 5):
        par = structure.start(v, 2.0)
        assert par.shape == (structure.n_par(v),)
    R, _ = structure.covariance(structure.start(2, 7.0), Visits(ALL.index[:2], np.r_[0.0, 7.0], 2))
    assert 0.2 < R[0, 1] < 0.4


@pytest.mark.parametrize("name", ["toep", "toeph"])
def test_toeplitz_reaches_what_autoregression_is(name: str) -> None:
    """AR(1) is Toeplitz with partial autocorrelations of zero beyond the first."""
    structure = RESIDUAL_STRUCTURES[name]
    par = np.zeros(structure.n_par(5))
    par[-4] = np.arctanh(0.6)
    np.testing.assert_allclose(structure.covariance(par, ALL)[0], 0.6**LAG, rtol=1e-13)


def test_variance_functions() -> None:
    values = np.array([0.0, 2.0, 1.0])
    ident = VARIANCE_FUNCTIONS["ident"]
    par = np.log([1.5, 3.0])
    np.testing.assert_allclose(np.exp(ident.features(values, 3) @ par), [1.0, 3.0, 1.5])
    assert ident.natural(par, ("f", "m", "x"))[0] == ("sd[m]/sd[f]", "sd[x]/sd[f]")
    x = np.array([1.0, -4.0])
    power = VARIANCE_FUNCTIONS["power"]
    np.testing.assert_allclose(np.exp(power.features(x, 1) @ [0.5]), [1.0, 2.0])
    assert "zero" in power.check(values)
    assert not power.check(x)
    exponential = VARIANCE_FUNCTIONS["exp"]
    np.testing.assert_allclose(np.exp(exponential.features(x, 1) @ [0.5]), np.exp([0.5, -2.0]))


@pytest.mark.parametrize("name", NAMES)
def test_chart(name: str) -> None:
    """Slopes and bending against differences."""
    structure, step = RESIDUAL_STRUCTURES[name], 1e-5
    par = random_par(structure, 6)
    values, slopes = structure.chart(par, 5)
    assert values.shape == par.shape
    bent = bending(structure.chart, par, 5)
    for i in range(len(par)):
        move = np.zeros(len(par))
        move[i] = step
        up, down = structure.chart(par + move, 5), structure.chart(par - move, 5)
        np.testing.assert_allclose(slopes[i], (up[0] - down[0]) / (2 * step), atol=2e-9)
        second = (up[1] - down[1]) / (2 * step)
        np.testing.assert_allclose(bent[i] @ slopes, second, atol=2e-8)
