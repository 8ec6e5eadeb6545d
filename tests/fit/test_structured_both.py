"""Structured random effects beside structured residuals against nlme and glmmTMB."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nestwise as nw

Oracle = Callable[[str], Any]


@pytest.fixture
def data(oracle: Oracle) -> pd.DataFrame:
    return pd.DataFrame(oracle("structured_effects")["data"])


def fitted(data: pd.DataFrame, name: str, **settings: Any) -> nw.StructuredModel:
    call: Any = nw.lmer
    model: nw.StructuredModel = call(
        f"y ~ t + {name}(0 + f | id)", data, residual="ar1(t | run)", **settings
    )
    return model


@pytest.mark.parametrize(
    "case", ["homcs", "homcs_ml", "homcs_ident", "diag", "homdiag", "us", "cs", "toep", "ar1"]
)
def test_equals_r(case: str, oracle: Oracle, data: pd.DataFrame) -> None:
    known, tmb = oracle("structured_effects")[case], case in ("cs", "toep", "ar1")
    variance = "factor(arm)" if case.endswith("ident") else None
    model = fitted(data, case.split("_")[0], REML=not case.endswith("_ml"), variance=variance)
    assert model.converged
    assert model.loglik == pytest.approx(known["loglik"], abs=1e-6)
    L = model.fit.lambdas[0]
    np.testing.assert_allclose(
        model.sigma**2 * L @ L.T, known["covariance"], atol=3e-4 if tmb else 5e-5
    )
    assert model.sigma == pytest.approx(known["sigma"], rel=3e-5)
    assert model.residual_parameters()["estimate"][0] == pytest.approx(known["rho"], abs=5e-5)
    if not tmb:
        np.testing.assert_allclose(model.bse, known["se"], rtol=2e-5)


def test_answers(data: pd.DataFrame) -> None:
    model = fitted(data, "cs")
    names = ["(Intercept)", "t", "sd_fa|id", "sd_fb|id", "sd_fc|id", "cor_rho|id", "rho", "sigma"]
    table = model.confint().set_index("term")
    assert list(table.index) == names
    assert (table["conf_low"] < table["conf_high"]).all()
    assert model.fit.par.size == 5  # three sds, their correlation, rho
    sample = model.confint("boot", n=40, seed=1, level=0.95).set_index("term")
    assert sample.loc["cor_rho|id", "conf_low"] < sample.loc["cor_rho|id", "conf_high"]
    again = model.refit(data["y"])
    assert again.criterion == pytest.approx(model.criterion, abs=1e-8)
    kr = model.summary("kenward-roger")
    assert "cs(0 + f | id)" in str(kr)


def test_kept_in_a_file_and_compared(data: pd.DataFrame, tmp_path: Path) -> None:
    model, plain = fitted(data, "cs"), fitted(data, "homcs")
    model.save(tmp_path / "model.nw")
    again = nw.load(tmp_path / "model.nw")
    assert again.criterion == model.criterion
    np.testing.assert_array_equal(again.fit.par, model.fit.par)
    compared = nw.anova(plain, model)
    assert compared["df"].iloc[1] == 2
    axes = model.plot.profile(["rho", "cor_rho|id"])
    assert axes.get_title(loc="left") in ("rho", "cor_rho|id")
    new = data.head(2).assign(id="new", run="new")
    table = model.predict(new, allow_new_levels=True, interval="prediction")
    assert (table["lower"] < table["fit"]).all()


def test_compound_symmetry_is_two_intercepts(data: pd.DataFrame) -> None:
    """homcs(0 + f | id) is (1 | id) + (1 | id:f), and so are its tests."""
    one = fitted(data, "homcs")
    two = nw.lmer("y ~ t + (1 | id/f)", data, residual="ar1(t | run)")
    assert one.criterion == pytest.approx(two.criterion, abs=1e-7)
    for ddf in ("satterthwaite", "kenward-roger-linear"):
        a, b = one.tidy(ddf=ddf), two.tidy(ddf=ddf)
        np.testing.assert_allclose(a["df"], b["df"], rtol=1e-3)
    np.testing.assert_allclose(one.predict(), two.predict(), atol=1e-4)


def test_what_cannot_be_told_apart_is_said(data: pd.DataFrame) -> None:
    call: Any = nw.lmer
    text = data.assign(v=data["t"].astype(str))
    model = call("y ~ t + homcs(0 + v | run)", text, residual="cs(t | run)")
    assert [d.code for d in model.diagnostics] == ["not-identifiable"]


def crossed_table(n_subjects: int, n_raters: int, near: bool) -> pd.DataFrame:
    """Eight visits of each subject, raters at random or mostly the same few, AR1 residuals."""
    rng, visits = np.random.default_rng(3), 8
    subject, t = np.repeat(np.arange(n_subjects), visits), np.tile(np.arange(visits), n_subjects)
    if near:
        rater = np.minimum(
            n_raters - 1, subject * n_raters // n_subjects + rng.integers(0, 3, t.size)
        )
    else:
        rater = rng.integers(0, n_raters, t.size)
    L = np.linalg.cholesky(0.7 ** np.abs(np.subtract.outer(np.arange(visits), np.arange(visits))))
    e = 2.0 * (rng.normal(size=(n_subjects, visits)) @ L.T).ravel()
    y = 10.0 + 0.5 * t + 1.5 * rng.normal(size=n_subjects)[subject]
    y = y + rng.normal(size=n_raters)[rater] + e
    return pd.DataFrame({"y": y, "t": t, "subject": subject, "rater": rater})


@pytest.mark.parametrize(
    ("n_subjects", "n_raters", "near"), [(800, 200, False), (3000, 1500, True)]
)
def test_crossed_effects_recover_the_truth(n_subjects: int, n_raters: int, near: bool) -> None:
    data, call = crossed_table(n_subjects, n_raters, near), nw.lmer
    settings: Any = {"residual": "ar1(t | subject)"}
    model: Any = call("y ~ t + (1 | subject) + (1 | rater)", data, **settings)
    assert model.converged
    assert model.fit.problem.blocks.trailing == (1,)
    assert model.fit.problem.trailing.pattern.values < 45 * n_raters or not near
    sd = model.varcorr().set_index("group")["sdcor"]
    np.testing.assert_allclose(sd[["subject", "rater", "Residual"]], [1.5, 1.0, 2.0], rtol=0.15)
    assert model.residual_parameters()["estimate"][0] == pytest.approx(0.7, abs=0.04)
    assert model.params["t"] == pytest.approx(0.5, abs=4.0 * model.bse["t"])


def test_what_does_not_fit_into_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from nestwise.core.structured import trailingcolumns

    monkeypatch.setattr(trailingcolumns, "available_memory", lambda: 1e5)
    call: Any = nw.lmer
    settings: Any = {"residual": "ar1(t | subject)"}
    with pytest.raises(nw.FitError, match="200 random effects crossed .* GiB are free; make the"):
        call("y ~ t + (1 | subject) + (1 | rater)", crossed_table(300, 200, False), **settings)
