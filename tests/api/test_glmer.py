"""The facade of GLMMs: what users call, with tables in their own kind."""

from __future__ import annotations

import dataclasses
import gc
import weakref
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

import nestwise as nw

FORMULA = "cbind(incidence, size - incidence) ~ period + (1 | herd)"
DATA = nw.load_dataset("cbpp")
MODEL = nw.glmer(FORMULA, DATA)


def test_ways_to_write_the_same_binomial_response() -> None:
    shares = nw.glmer("incidence / size ~ period + (1 | herd)", DATA, weights="size")
    assert shares.criterion == pytest.approx(MODEL.criterion, abs=1e-8)
    rows = [
        {"period": r.period, "herd": r.herd, "ill": "yes" if i < r.incidence else "no"}
        for r in DATA.itertuples()
        for i in range(int(r.size))
    ]
    single = nw.glmer("ill ~ period + (1 | herd)", pl.DataFrame(rows))
    np.testing.assert_allclose(single.params, MODEL.params, atol=1e-5)
    assert "ill = 'yes' counts as success, 'no' as failure" in str(single.summary())
    assert isinstance(single.tidy(), pl.DataFrame)
    swapped = nw.glmer("cbind(size - incidence, incidence) ~ period + (1 | herd)", DATA)
    np.testing.assert_allclose(swapped.params, -MODEL.params, atol=1e-5)


def test_odds_ratios() -> None:
    t, raw = MODEL.tidy(exponentiate=True, conf_int=True), MODEL.tidy(conf_int=True)
    np.testing.assert_allclose(t["estimate"], np.exp(raw["estimate"]), rtol=1e-12)
    np.testing.assert_allclose(t["conf_low"], np.exp(raw["conf_low"]), rtol=1e-12)


def test_tables_and_attributes() -> None:
    assert MODEL.tidy("ran_pars")["term"].tolist() == ["sd__(Intercept)"]
    assert list(MODEL.tidy("ran_vals").columns) == [
        "group",
        "level",
        "term",
        "estimate",
        "std_error",
    ]
    g = MODEL.glance().iloc[0]
    assert (g["family"], g["link"], g["n_agq"]) == ("binomial", "logit", 1)
    assert g["aic"] == pytest.approx(MODEL.aic) == pytest.approx(2 * 5 + MODEL.criterion)
    a = MODEL.augment()
    np.testing.assert_allclose(a["fitted"], MODEL.fitted())
    np.testing.assert_allclose(a["resid"], DATA["incidence"] / DATA["size"] - a["fitted"])
    assert MODEL.df_resid == 51
    assert MODEL.zvalues.equals(MODEL.tvalues)
    assert MODEL.varcorr()["group"].tolist() == ["herd"]  # no residual
    assert "binomial(logit)" in repr(MODEL)
    assert "z value" in MODEL._repr_html_()
    scaled = nw.glmer("y ~ 1 + (1 | g)", _gamma(), family="gamma", link="log")
    assert scaled.varcorr()["group"].tolist() == ["g", "Residual"]
    assert scaled.sigma == pytest.approx(np.sqrt(scaled.phi))


def _gamma() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    g = np.repeat(np.arange(30), 8)
    mu = np.exp(1 + 0.5 * rng.standard_normal(30))[g]
    return pd.DataFrame({"y": rng.gamma(4.0, mu / 4.0), "g": g})


def test_offset_counts_also_on_new_rows() -> None:
    rng = np.random.default_rng(3)
    g = np.repeat(np.arange(25), 10)
    days = rng.integers(1, 20, g.size).astype(float)
    y = rng.poisson(days * np.exp(-1 + 0.4 * rng.standard_normal(25))[g]).astype(float)
    data = pd.DataFrame({"y": y, "days": days, "g": g})
    m = nw.glmer("y ~ 1 + offset(log(days)) + (1 | g)", data, family="poisson")
    other = nw.glmer("y ~ 1 + (1 | g)", data, family="poisson", offset=np.log(days))
    assert m.criterion == pytest.approx(other.criterion, abs=1e-9)
    new = pd.DataFrame({"days": [1.0, 10.0], "g": [3, 3]})
    rate = m.predict(new)
    assert rate[1] / rate[0] == pytest.approx(10.0, rel=1e-12)
    with pytest.raises(nw.DataError, match="offset given as an array"):
        other.predict(new)


def test_update_and_refit() -> None:
    smaller = MODEL.update(". ~ 1 + (1 | herd)")
    assert smaller.loglik < MODEL.loglik
    assert MODEL.update(link="probit").link == "probit"
    same = MODEL.refit(MODEL.fit.design.y)
    np.testing.assert_allclose(same.params, MODEL.params, atol=1e-7)
    with pytest.raises(nw.DataError, match="out of the range of the binomial family in 56 rows"):
        MODEL.refit(np.full(56, 2.0))


def test_a_file_holds_the_fit(tmp_path: Path) -> None:
    for model in (MODEL, MODEL.update(family=nw.families.binomial("probit"))):
        model.save(tmp_path / "m.nestwise")
        again = nw.load(tmp_path / "m.nestwise")
        assert isinstance(again, nw.GeneralizedMixedModel)
        assert again.link == model.link
        np.testing.assert_allclose(again.params, model.params, rtol=1e-10)
    own = dataclasses.replace(nw.families.binomial(), rows=lambda *a: MODEL.fit.family.rows(*a))
    with pytest.raises(nw.OptionError, match="files hold no code"):
        MODEL.update(family=own).save(tmp_path / "m.nestwise")


def test_own_families_and_links() -> None:
    nb = nw.families.negative_binomial()
    geometric = dataclasses.replace(
        nb,
        name="geometric",
        dispersion=None,
        rows=lambda y, eta, w, phi, link: dataclasses.replace(
            nb.rows(y, eta, w, 1.0, link),
            phi_loglik=None,
            phi_d1=None,
            phi_d2=None,
            phi_info=None,
        ),
        variance=lambda mu, phi: nb.variance(mu, 1.0),
        response_variance=lambda mu, w, phi: nb.response_variance(mu, w, 1.0),
        simulate=lambda mu, w, phi, rng: nb.simulate(mu, w, 1.0, rng),
        deviance_residuals2=lambda y, mu, w, phi: nb.deviance_residuals2(y, mu, w, 1.0),
    )
    rng = np.random.default_rng(8)
    g = np.repeat(np.arange(60), 12)
    mu = np.exp(1 + 0.5 * rng.standard_normal(60))[g]
    data = {"y": rng.geometric(1 / (1 + mu)) - 1.0, "g": g}
    m = nw.glmer("y ~ 1 + (1 | g)", data, family=geometric)
    free = nw.glmer("y ~ 1 + (1 | g)", data, family="negative_binomial")
    assert m.family == "geometric"
    assert m.converged
    assert 0.0 <= free.loglik - m.loglik < 3.0
    logit = nw.families.links["logit"]
    mine = dataclasses.replace(logit, name="mine", log_mean=None, log_complement=None)
    assert nw.glmer(FORMULA, DATA, link=mine).criterion == pytest.approx(MODEL.criterion, abs=1e-7)


def test_the_criterion_as_a_function() -> None:
    d = nw.deviance_function(FORMULA, DATA, family="binomial")
    at = np.r_[MODEL.theta, MODEL.params]
    assert d.value(at) == pytest.approx(MODEL.criterion, abs=1e-8)
    assert np.abs(d.gradient(at)).max() < 1e-3


def test_quadrature() -> None:
    m = nw.glmer(FORMULA, DATA, nAGQ=25)
    np.testing.assert_allclose(m.params, [-1.39922, -0.99141, -1.12782, -1.57947], atol=2e-5)
    assert "nAGQ = 25" in str(m.summary())
    assert "quadrature points" in nw.anova(MODEL, m.update(". ~ 1 + (1 | herd)")).attrs["note"]


def test_bad_calls() -> None:
    with pytest.raises(nw.OptionError, match="did you mean 'poisson'"):
        nw.glmer(FORMULA, DATA, family="possion")
    with pytest.raises(nw.OptionError, match="not for the binomial family"):
        nw.glmer(FORMULA, DATA, link="sqrt")
    with pytest.raises(nw.OptionError, match="nAGQ=0"):
        nw.glmer(FORMULA, DATA, nAGQ=0)
    with pytest.raises(nw.FormulaError, match="no random term"):
        nw.glmer("incidence ~ period", DATA, family="poisson")
    with pytest.raises(nw.DataError, match="56 rows: row 0 .14., row 1"):
        nw.glmer("size ~ period + (1 | herd)", DATA)
    with pytest.raises(nw.OptionError, match="ddf"):
        MODEL.tidy(ddf="satterthwaite")


def test_counts_that_are_not_whole_are_told() -> None:
    data = DATA.assign(y=DATA["incidence"] + 0.5)
    m = nw.glmer("y ~ period + (1 | herd)", data, family="poisson")
    assert "non-integer-counts" in [d.code for d in m.diagnostics]


def test_a_fit_with_a_link_of_ones_own_is_collected() -> None:
    """The link's function leads back to the fit that holds it, by way of the compiled kernel."""

    def fitted() -> weakref.ref[nw.GeneralizedMixedModel]:
        probit, held = nw.families.links["probit"], [None]
        own = dataclasses.replace(
            probit, name="own", inverse=lambda eta, order: held and probit.inverse(eta, order)
        )
        held.append(nw.glmer(FORMULA, DATA, link=own))
        return weakref.ref(held[1])

    there = fitted()
    gc.collect()
    assert there() is None
