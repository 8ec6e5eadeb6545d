"""Second derivatives of the deviance: one-sided differences agree with central ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import nestwise as nw
from nestwise.core import hessian as module
from nestwise.core.hessian import hessian


def crossed() -> pd.DataFrame:
    """60 by 40 levels that meet at random, with both effects."""
    rng = np.random.default_rng(5)
    a, b = rng.integers(0, 60, 900), rng.integers(0, 40, 900)
    y = rng.normal(size=60)[a] + 0.5 * rng.normal(size=40)[b] + rng.normal(size=900)
    return pd.DataFrame({"y": y, "x": rng.normal(size=900), "a": a, "b": b})


@pytest.mark.parametrize("reml", [True, False])
def test_one_sided_differences(reml: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    fit = nw.lmer("y ~ x + (1 + x | a) + (1 | b)", crossed(), REML=reml).fit
    central = hessian(fit.problem, fit.theta, fit.sigma, reml)
    monkeypatch.setattr(module, "DEAR", 1)
    one_sided = hessian(fit.problem, fit.theta, fit.sigma, reml)
    assert (one_sided != central).any()
    size = np.sqrt(np.outer(central.diagonal(), central.diagonal()))
    np.testing.assert_allclose(one_sided / size, central / size, atol=5e-6)
