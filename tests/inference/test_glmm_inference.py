"""Inference for GLMMs against lme4, glmmTMB and emmeans (tests/oracle/glmm_inference.R)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nestwise as nw
from inference.glmm_models import cbpp, contraception, ticks

Oracle = Callable[[str], Any]
Finder = Callable[[str], Path]
KEYS = ("text", "pairs_text")


def _columns(rows: list[dict[str, Any]], *names: str) -> np.ndarray:
    return np.array([[row[n] for n in names] for row in rows], dtype=np.float64)


def _close(got: Any, want: Any, rtol: float = 2e-4) -> None:
    np.testing.assert_allclose(np.asarray(got, dtype=np.float64), want, rtol=rtol, atol=2e-4)


def test_coefficients_and_covariance(oracle: Oracle, shared_file: Finder) -> None:
    want = oracle("glmm_inference")
    for name, m in (
        ("cbpp", cbpp()),
        ("contraception", contraception(shared_file("Contraception.csv"))),
        ("ticks", ticks(shared_file("grouseticks.csv"))),
    ):
        t = m.tidy()
        table = np.column_stack([t["estimate"], t["std_error"], t["statistic"], t["p_value"]])
        _close(table, want[name]["coef"])
        assert np.isposinf(t["df"]).all()
    _close(cbpp().vcov(), want["cbpp"]["vcov"])
    m = ticks(shared_file("grouseticks.csv"))
    assert m.phi == pytest.approx(want["ticks"]["phi"], rel=1e-4)
    assert m.loglik >= want["ticks"]["loglik"] - 1e-6


def test_summary_prints_as_lme4_does(oracle: Oracle) -> None:
    """lme4 stops a little above the optimum: its numbers agree to three digits, the layout all."""
    mine = str(cbpp().summary()).splitlines()
    theirs = oracle("glmm_inference")["text"]
    start = theirs.index("   Data: cbpp") + 1
    assert (
        mine[0]
        == "Generalized linear mixed model fit by maximum likelihood (Laplace Approximation)"
    )
    assert mine[1:3] == theirs[2:4]
    assert len(mine[3:]) == len(theirs[start:])
    for a, b in zip(mine[3:], theirs[start:], strict=True):
        words, others = a.split(), b.split()
        assert len(words) == len(others)
        assert len(a) == len(b)
        for x, y in zip(words, others, strict=True):
            try:
                assert float(x) == pytest.approx(float(y), rel=0.25, abs=0.01)
            except ValueError:
                assert x == y
    assert mine[5] == theirs[start + 2]  # AIC BIC logLik deviance df.resid
    assert "herd   (Intercept) 0.4125   0.6423" in mine[13]


def test_modes_conditional_variances_and_residuals(oracle: Oracle) -> None:
    want = oracle("glmm_inference")
    t = cbpp().ranef(cond_var=True)
    assert t["level"].tolist() == [row["grp"] for row in want["ranef"]]
    _close(t["estimate"], _columns(want["ranef"], "condval")[:, 0], rtol=2e-3)
    _close(np.sqrt(t["cond_var"]), _columns(want["ranef"], "condsd")[:, 0], rtol=1e-3)
    for kind, values in want["residuals"].items():
        np.testing.assert_allclose(cbpp().residuals(kind), values, atol=4e-3)


def test_marginal_means_on_both_scales(oracle: Oracle, shared_file: Finder) -> None:
    want = oracle("glmm_inference")
    limits = ("asymp.LCL", "asymp.UCL")
    for name, variable, m, shown in (
        ("cbpp", "period", cbpp(), "prob"),
        ("ticks", "YEAR", ticks(shared_file("grouseticks.csv")), "response"),
    ):
        t = m.emmeans(variable, type="response").table
        got = np.column_stack([t["response"], t["se"], t["lower"], t["upper"]])
        _close(got, _columns(want[name]["response"], shown, "SE", *limits))
        pairs = m.emmeans(variable, type="response").pairs().table
        ratio = "odds.ratio" if name == "cbpp" else "ratio"
        got = np.column_stack([pairs["ratio"], pairs["se"], pairs["z_ratio"], pairs["p_value"]])
        _close(got, _columns(want[name]["ratios"], ratio, "SE", "z.ratio", "p.value"), rtol=1e-3)
        labels = [row["contrast"] for row in want[name]["ratios"]]
        assert pairs["contrast"].tolist() == labels
    t = cbpp().emmeans("period").table
    got = np.column_stack([t["emmean"], t["se"], t["lower"], t["upper"]])
    _close(got, _columns(want["cbpp"]["link"], "emmean", "SE", *limits))
    m = contraception(shared_file("Contraception.csv"))
    t = m.emmeans("livch", by="urban", type="response").table
    _close(
        np.column_stack([t["response"], t["se"], t["lower"], t["upper"]]),
        _columns(want["contraception"]["emmeans"], "prob", "SE", *limits),
    )


def test_marginal_means_print_as_emmeans_does(oracle: Oracle) -> None:
    want = oracle("glmm_inference")["cbpp"]
    e = cbpp().emmeans("period", type="response")
    # Infinite degrees of freedom were asked of glmmTMB, which R then tells.
    told = [[t.rstrip() for t in want[k] if "user-specified" not in t] for k in KEYS]
    assert str(e).splitlines() == told[0]
    assert str(e.pairs()).splitlines() == told[1]


def test_wald_tests_of_terms(oracle: Oracle, shared_file: Finder) -> None:
    want = oracle("glmm_inference")["contraception"]
    m = contraception(shared_file("Contraception.csv"))
    two, three = m.anova(2), m.anova(3)
    assert two["term"].tolist() == ["age", "I(age^2)", "urban", "livch", "urban:livch"]
    assert two["df"].tolist() == [1, 1, 1, 3, 3]
    _close(two["chisq"], want["type2"], rtol=1e-3)
    _close(three["chisq"], want["type3"], rtol=1e-3)
    with pytest.raises(nw.OptionError, match="use 2 or 3"):
        m.anova(1)


def test_likelihood_ratio(oracle: Oracle, shared_file: Finder) -> None:
    want = oracle("glmm_inference")["contraception"]
    m = contraception(shared_file("Contraception.csv"))
    m0 = m.update(". ~ . - urban:livch")
    assert m.loglik >= want["loglik"] - 1e-6
    assert m0.loglik >= want["loglik0"] - 1e-6
    t = nw.anova(m0, m)
    assert t["chisq"][1] == pytest.approx(2 * (want["loglik"] - want["loglik0"]), abs=1e-4)
    assert t["df"][1] == 3


def test_predictions_with_standard_errors(oracle: Oracle, shared_file: Finder) -> None:
    """Conditional ones count the modes' uncertainty and that of all parameters, as glmmTMB's."""
    want = oracle("glmm_inference")
    new = {"period": ["1", "3", "2"], "herd": ["1", "4", "15"]}
    for scale in ("link", "response"):
        t = cbpp().predict(new, type=scale, se=True)
        rows = want["cbpp"][f"predict_{scale}"]
        _close(np.column_stack([t["fit"], t["se"]]), _columns(rows, "fit", "se.fit"), rtol=1e-3)
    t = cbpp().predict(new, re_form=None, type="link", se=True)
    _close(
        np.column_stack([t["fit"], t["se"]]), _columns(want["cbpp"]["population"], "fit", "se.fit")
    )
    m = ticks(shared_file("grouseticks.csv"))
    new = {"YEAR": ["95", "97"], "cHEIGHT": [0.0, 30.0], "BROOD": ["501", "510"]}
    t = m.predict(new, type="link", se=True)
    rows = want["ticks"]["predict"]
    _close(np.column_stack([t["fit"], t["se"]]), _columns(rows, "fit", "se.fit"), rtol=2e-3)
