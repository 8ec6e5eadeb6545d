"""glmer's models: at R's optimum or below, and what is told where it is in trouble."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nestwise.core.families.registry import FAMILIES
from nestwise.core.links.registry import link_named
from nestwise.design import build
from nestwise.fit.glmm import fit_glmm
from nestwise.fit.glmm_result import GlmmFit

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
