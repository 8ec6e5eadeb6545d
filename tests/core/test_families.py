"""Families and links against densities written in mpmath, and their derivatives by it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from scipy.special import digamma, expit, polygamma

import nestwise as nw
from nestwise.core.families.polygammas import polygammas
from nestwise.core.families.registry import FAMILIES, family_named, link_of, with_link
from nestwise.core.links.link import log_complement, log_mean
from nestwise.core.links.registry import LINKS

DIGITS = 60


def _lgamma(x: Any) -> Any:
    return mp.log(mp.gamma(x))


MEANS: dict[str, Callable[[Any], Any]] = {
    "logit": lambda e: 1 / (1 + mp.exp(-e)),
    "probit": lambda e: mp.erfc(-e / mp.sqrt(2)) / 2,
    "cloglog": lambda e: -mp.expm1(-mp.exp(e)),
    "cauchit": lambda e: mp.mpf(1) / 2 + mp.atan(e) / mp.pi,
    "log": mp.exp,
    "identity": lambda e: e,
    "inverse": lambda e: 1 / e,
    "sqrt": lambda e: e**2,
    "1/mu^2": lambda e: 1 / mp.sqrt(e),
}


def _binomial(y: Any, m: Any, w: Any, phi: Any) -> Any:
    k = y * w
    ways = _lgamma(w + 1) - _lgamma(k + 1) - _lgamma(w - k + 1)
    return ways + k * mp.log(m) + (w - k) * mp.log(1 - m)


def _poisson(y: Any, m: Any, w: Any, phi: Any) -> Any:
    return w * (y * mp.log(m) - m - _lgamma(y + 1))


def _gaussian(y: Any, m: Any, w: Any, phi: Any) -> Any:
    return -w * (y - m) ** 2 / (2 * phi) - mp.log(2 * mp.pi * phi / w) / 2


def _gamma(y: Any, m: Any, w: Any, phi: Any) -> Any:
    a = w / phi
    return a * mp.log(a / m) + (a - 1) * mp.log(y) - a * y / m - _lgamma(a)


def _inverse_gaussian(y: Any, m: Any, w: Any, phi: Any) -> Any:
    return -w * (y - m) ** 2 / (2 * phi * y * m**2) - mp.log(2 * mp.pi * phi * y**3 / w) / 2


def _negative_binomial(y: Any, m: Any, w: Any, phi: Any) -> Any:
    ways = _lgamma(y + phi) - _lgamma(phi) - _lgamma(y + 1)
    return w * (ways + y * mp.log(m / (m + phi)) + phi * mp.log(phi / (m + phi)))


def _beta(y: Any, m: Any, w: Any, phi: Any) -> Any:
    a, b = m * phi, (1 - m) * phi
    powers = (a - 1) * mp.log(y) + (b - 1) * mp.log(1 - y)
    return w * (_lgamma(phi) - _lgamma(a) - _lgamma(b) + powers)


def _beta_binomial(y: Any, m: Any, w: Any, phi: Any) -> Any:
    a, b, k = m * phi, (1 - m) * phi, y * w
    ways = _lgamma(w + 1) - _lgamma(k + 1) - _lgamma(w - k + 1)
    top = _lgamma(k + a) + _lgamma(w - k + b) - _lgamma(w + phi)
    return ways + top + _lgamma(phi) - _lgamma(a) - _lgamma(b)


DENSITIES = {
    "binomial": _binomial,
    "poisson": _poisson,
    "gaussian": _gaussian,
    "gamma": _gamma,
    "inverse_gaussian": _inverse_gaussian,
    "negative_binomial": _negative_binomial,
    "beta": _beta,
    "beta_binomial": _beta_binomial,
}
PROPORTIONS = {"binomial", "beta", "beta_binomial"}
CASES = [(f, str(link)) for f, family in FAMILIES.items() for link in family.links]


def _points(family: str, link: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Responses, weights, linear predictors inside the domain."""
    if family in PROPORTIONS:
        y = np.array([0.25, 0.75, 0.5, 0.125])
        w = np.array([4.0, 8.0, 2.0, 8.0])
        if family != "beta":
            y = np.r_[y, 0.0, 1.0]
            w = np.r_[w, 1.0, 3.0]
        mu = np.array([0.03, 0.4, 0.7, 0.96, 0.2, 0.9])[: y.size]
    else:
        y = np.array([1.0, 3.0, 7.0, 2.0])
        w = np.array([1.0, 2.0, 0.5, 3.0])
        mu = np.array([0.3, 2.5, 9.0, 2.0])
        if family in ("poisson", "negative_binomial"):
            y = np.r_[y, 0.0]
            w, mu = np.r_[w, 1.0], np.r_[mu, 0.7]
    return y, w, LINKS[link].link(mu)


@pytest.mark.parametrize(("family", "link"), CASES)
def test_log_density_and_derivatives(family: str, link: str) -> None:
    f, g = FAMILIES[family], LINKS[link]
    phi = None if f.dispersion is None else 1.7
    y, w, eta = _points(family, link)
    found = f.rows(y, eta, w, phi, g)
    with mp.workdps(DIGITS):
        for i in range(y.size):

            def density(e: Any, log_phi: Any = 0, i: int = i) -> Any:
                p = None if phi is None else mp.mpf(phi) * mp.exp(log_phi)
                return DENSITIES[family](mp.mpf(y[i]), MEANS[link](e), mp.mpf(w[i]), p)

            at = mp.mpf(eta[i])
            want = [density(at), *(mp.diff(density, at, k) for k in (1, 2, 3))]
            got = [found.loglik[i], found.d1[i], found.d2[i], found.d3[i]]
            np.testing.assert_allclose(got, [float(v) for v in want], rtol=3e-12, atol=1e-13)
            if phi is not None:
                orders = [(0, 1), (1, 1), (2, 1)]
                by_phi = [float(mp.diff(density, (at, mp.mpf(0)), o)) for o in orders]
                assert found.phi_loglik is not None
                assert found.phi_d1 is not None
                assert found.phi_d2 is not None
                got = [found.phi_loglik[i], found.phi_d1[i], found.phi_d2[i]]
                np.testing.assert_allclose(got, by_phi, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize(
    ("family", "phi"), [("gamma", 1e-9), ("beta", 1e9), ("beta_binomial", 1e10)]
)
def test_no_digits_are_lost_next_to_the_limit_of_a_dispersion(family: str, phi: float) -> None:
    f, link = FAMILIES[family], FAMILIES[family].links[0]
    y, w = np.array([0.25, 0.75, 0.5]), np.array([4.0, 8.0, 2.0])
    near = 1.0 + 1e-5 * np.array([1.0, -2.0, 0.3])
    eta = LINKS[str(link)].link(y * near)
    found = f.rows(y, eta, w, phi, LINKS[str(link)])
    with mp.workdps(DIGITS):
        for i in range(3):
            m = MEANS[str(link)](mp.mpf(eta[i]))
            want = float(DENSITIES[family](mp.mpf(y[i]), m, mp.mpf(w[i]), mp.mpf(phi)))
            assert abs(found.loglik[i] - want) < 1e-8 * max(1.0, abs(want))


def _near_means(phi: float, link: str) -> tuple[np.ndarray, np.ndarray]:
    """Proportions, some of them near 0 and 1, and linear predictors about a deviation off."""
    mu = np.array([1e-6, 0.03, 0.5, 0.9, 1.0 - 1e-6])
    off = np.array([0.7, -1.1, 0.3, -0.2, 0.5]) * np.sqrt(mu * (1.0 - mu) / (1.0 + phi))
    y = np.clip(mu + off, 0.5 * np.minimum(mu, 1.0 - mu), 1.0 - 0.5 * np.minimum(mu, 1.0 - mu))
    return y, np.asarray(LINKS[link].link(mu))


@pytest.mark.parametrize("link", ["logit", "cloglog"])
@pytest.mark.parametrize("phi", [1e-2, 1e7, 1e13])
@pytest.mark.parametrize("family", ["beta", "beta_binomial"])
def test_every_digit_that_the_predictor_has_is_kept(family: str, phi: float, link: str) -> None:
    """No more is lost than by a predictor that is rounded, whatever the dispersion."""
    y, eta = _near_means(phi, link)
    w = np.ones(y.size) if family == "beta" else np.array([9.0, 4.0, 7.0, 30.0, 2.0])
    y = y if family == "beta" else np.round(y * w) / w
    found = FAMILIES[family].rows(y, eta, w, phi, LINKS[link])
    got = np.array([found.loglik, found.d1, found.d2, found.d3])
    by_phi = np.array([found.phi_loglik, found.phi_d1, found.phi_d2])
    with mp.workdps(DIGITS):
        for i in range(y.size):

            def density(e: Any, log_phi: Any = 0, i: int = i) -> Any:
                p = mp.mpf(phi) * mp.exp(log_phi)
                return DENSITIES[family](mp.mpf(y[i]), MEANS[link](e), mp.mpf(w[i]), p)

            at = mp.mpf(eta[i])
            want = [float(mp.diff(density, at, k)) for k in range(5)]
            moved = [float(mp.diff(density, (at, mp.mpf(0)), (k, 1))) for k in range(4)]
            rounding = 4e-16 * (1.0 + abs(eta[i]))
            # Terms of the sums: log phi, and the trials as often as logarithms of a and b are.
            size = w[i] * (30.0 + abs(eta[i]))
            for k in range(4):
                allowed = 1e-12 * abs(want[k]) + rounding * (20.0 * abs(want[k + 1]) + size)
                assert abs(got[k, i] - want[k]) < allowed
            for k in range(3):
                allowed = 1e-11 * abs(moved[k]) + rounding * (20.0 * abs(moved[k + 1]) + size)
                assert abs(by_phi[k, i] - moved[k]) < allowed


@pytest.mark.parametrize(("family", "link"), CASES)
def test_information_is_the_squared_slope_over_the_variance(family: str, link: str) -> None:
    """So it is in exponential families; for the beta it is larger, from log y as well."""
    f, g = FAMILIES[family], LINKS[link]
    phi = None if f.dispersion is None else 1.7
    y, w, eta = _points(family, link)
    mu, slope = g.inverse(eta, 1)
    found = f.rows(y, eta, w, phi, g)
    quasi = slope**2 / f.response_variance(mu, w, phi)
    if family == "beta":
        # d2 is linear in logit y, whose expectation is a difference of digammas.
        expected = expit(digamma(mu * phi) - digamma((1 - mu) * phi))
        at = f.rows(expected, eta, w, phi, g)
        np.testing.assert_allclose(-at.d2, found.info, rtol=1e-9)
        np.testing.assert_allclose(at.d1, 0, atol=1e-9 * found.info.max())
    else:
        np.testing.assert_allclose(found.info, quasi, rtol=1e-11)
    h = 1e-5 * np.maximum(1.0, np.abs(eta))
    up, down = (f.rows(y, eta + s * h, w, phi, g).info for s in (1, -1))
    np.testing.assert_allclose(found.dinfo, (up - down) / (2 * h), rtol=1e-5, atol=1e-8)
    if phi is not None:
        up, down = (f.rows(y, eta, w, phi * np.exp(s * 1e-5), g).info for s in (1, -1))
        np.testing.assert_allclose(found.phi_info, (up - down) / 2e-5, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("link", [n for n, g in LINKS.items() if g.mean_upper == 1.0])
def test_logarithms_of_probabilities_keep_their_digits_in_the_tails(link: str) -> None:
    eta = np.array([-600.0, -40.0, -9.0, -3.5, -2.0, -0.3, 0.0, 0.7, 1.5, 2.5, 3.5, 6.0])
    mean = MEANS[link]
    with mp.workdps(400):
        for i, e in enumerate(eta):
            for of, function in (
                (lambda v: mp.log(mean(v)), log_mean),
                (lambda v: mp.log(1 - mean(v)), log_complement),
            ):
                found = [float(v[i]) for v in function(LINKS[link], eta)]
                want = [of(mp.mpf(e)), *(mp.diff(of, mp.mpf(e), k) for k in (1, 2, 3))]
                want = [float(v) for v in want]
                np.testing.assert_allclose(found[:2], want[:2], rtol=1e-13, atol=1e-300)
                np.testing.assert_allclose(found[2:], want[2:], rtol=2e-11, atol=1e-15)


@pytest.mark.parametrize(("family", "link"), CASES)
def test_extremes_give_numbers_and_no_warnings(family: str, link: str) -> None:
    f, g = FAMILIES[family], LINKS[link]
    phi = None if f.dispersion is None else 0.8
    y = np.array([0.3, 0.6]) if family == "beta" else np.array([1.0, 2.0])
    y = np.array([0.0, 1.0]) if family in ("binomial", "beta_binomial") else y
    w = np.array([1.0, 2.0])
    probability = g.mean_upper == 1.0
    for extreme in (-700.0, -100.0, -1e-8, 0.0, 1e-8, 100.0, 700.0):
        terms = f.rows(y, np.full(2, extreme), w, phi, g)
        for name in ("d1", "d2", "d3", "info", "dinfo"):
            assert np.isfinite(getattr(terms, name)).all(), (extreme, name)
        assert (terms.info >= 0.0).all()
        assert not np.isnan(terms.loglik).any()
        if probability and family != "beta":
            assert np.isfinite(terms.loglik).all(), extreme


@pytest.mark.parametrize("family", list(FAMILIES))
def test_simulated_responses_have_the_mean_and_variance(family: str) -> None:
    f = FAMILIES[family]
    phi = None if f.dispersion is None else 2.5
    n = 60000
    mu = np.full(n, 0.3 if family in PROPORTIONS else 1.3)
    w = np.full(n, 4.0 if family in PROPORTIONS - {"beta"} else 1.0)
    y = f.simulate(mu, w, phi, np.random.default_rng(7))
    variance = f.response_variance(mu, w, phi)
    assert abs(y.mean() - mu[0]) < 5 * np.sqrt(variance[0] / n)
    assert abs(y.var() / variance[0] - 1) < 0.06
    assert f.check(y, w, None) == ()
    assert (f.deviance_residuals2(y, mu, w, phi) >= 0.0).all()


def test_negative_binomial_goes_over_into_poisson_without_losing_digits() -> None:
    y, eta, w = np.arange(6.0), np.linspace(-1, 2, 6), np.ones(6)
    with mp.workdps(DIGITS):
        for phi in (60.0, 1e4, 1e8):
            found = FAMILIES["negative_binomial"].rows(y, eta, w, phi, LINKS["log"])
            assert found.phi_loglik is not None
            for i in range(6):

                def density(t: Any, i: int = i, phi: float = phi) -> Any:
                    shape = mp.mpf(phi) * mp.exp(t)
                    return _negative_binomial(mp.mpf(y[i]), mp.exp(mp.mpf(eta[i])), 1, shape)

                assert found.loglik[i] == pytest.approx(float(density(0)), rel=1e-14, abs=1e-14)
                assert found.phi_loglik[i] == pytest.approx(
                    float(mp.diff(density, 0)), rel=1e-5, abs=1e-13
                )


def test_out_of_range_rows_are_named() -> None:
    w = np.ones(3)
    with pytest.raises(nw.DataError, match=r"poisson family in row 7 \(-2\); it needs counts"):
        FAMILIES["poisson"].check(np.array([1.0, -2.0, 0.0]), w, np.array([3, 7, 9], np.int32))
    with pytest.raises(nw.DataError, match="2 rows: row 0 .0., row 2 .-1."):
        FAMILIES["gamma"].check(np.array([0.0, 1.0, -1.0]), w, None)
    with pytest.raises(nw.DataError, match="weights= the numbers of trials"):
        FAMILIES["binomial"].check(np.array([0.0, 3.0, 1.0]), w, None)
    (remark,) = FAMILIES["poisson"].check(np.array([1.0, 2.5, 3.0]), w, None)
    assert remark.code == "non-integer-counts"
    assert "row 1 (2.5)" in remark.message


def test_names_and_links_are_found_or_refused() -> None:
    assert family_named("Gamma") is FAMILIES["gamma"]
    assert family_named("inverse.gaussian").name == "inverse gaussian"
    with pytest.raises(nw.OptionError, match="did you mean 'poisson'"):
        family_named("poison")
    with pytest.raises(nw.OptionError, match="not for the poisson family"):
        link_of(FAMILIES["poisson"], "probit")
    with pytest.raises(nw.OptionError, match="did you mean 'cloglog'"):
        nw.families.binomial(link="clogog")
    assert nw.families.binomial("probit").links[0] == "probit"


def test_a_function_is_no_link() -> None:
    def logit(mu: Any) -> Any:
        return np.log(mu / (1.0 - mu))

    said = r"link=<function .*logit.*is a function alone.*'logit', 'probit'.*nestwise.families.Link"
    with pytest.raises(nw.OptionError, match=said):
        with_link(FAMILIES["binomial"], logit)  # type: ignore[arg-type]
    with pytest.raises(nw.OptionError, match=said):
        nw.families.binomial(logit)  # type: ignore[arg-type]
    with pytest.raises(nw.OptionError, match="link=3 is no link; pass a name"):
        link_of(FAMILIES["binomial"], 3)  # type: ignore[arg-type]
    with pytest.raises(nw.OptionError, match="is not a family.*binomial"):
        with_link(nw.families.binomial, "probit")  # type: ignore[arg-type]


def test_trigamma_and_tetragamma() -> None:
    x = np.array([1.0, 1.5, 3.0, 10.9, 11.0, 40.0, 1e4])
    found = polygammas(x)
    for order in (1, 2):
        np.testing.assert_allclose(found[order - 1], polygamma(order, x), rtol=3e-15)


@pytest.mark.parametrize("phi", [1e-200, 1e120, 1e300])
@pytest.mark.parametrize("family", [n for n, f in FAMILIES.items() if f.dispersion])
def test_a_dispersion_whose_powers_overflow_raises_nothing(family: str, phi: float) -> None:
    f, link = FAMILIES[family], LINKS[str(FAMILIES[family].links[0])]
    y, w, eta = _points(family, link.name)
    terms = f.rows(y, eta, w, phi, link)
    assert not np.isnan(terms.loglik).any()
    assert np.isfinite(terms.d1).all()
