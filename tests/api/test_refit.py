"""A refitted model goes on from its own response: saved, updated, with the caller's data kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import nestwise as nw

FITS: dict[str, Callable[[Any], Any]] = {
    "lm": lambda d: nw.lm("y ~ x", d),
    "lmer": lambda d: nw.lmer("y ~ x + (1 | g)", d),
    "glmer": lambda d: nw.glmer("b ~ x + (1 | g)", d),
    "gls": lambda d: nw.gls("y ~ x", d, residual="ar1(t | g)"),
}


def _data() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    g = np.repeat(np.arange(8), 6)
    x, u = rng.normal(size=48), rng.normal(size=8)
    y = 1.0 + 0.5 * x + u[g] + rng.normal(size=48)
    y[3] = np.nan
    columns = {"y": y, "x": x, "b": np.where(x + u[g] + rng.normal(size=48) > 0, "yes", "no")}
    return pd.DataFrame({**columns, "z": rng.normal(size=48), "g": g, "t": np.tile(range(6), 8)})


@pytest.mark.parametrize("kind", FITS)
def test_save_and_update(kind: str, tmp_path: Path) -> None:
    data = _data()
    before = data.copy(deep=True)
    m = FITS[kind](data)
    y = m.simulate(1, seed=4)[:, 0]
    r = m.refit(y)
    assert np.abs(r.params - m.params).max() > 1e-3
    r.save(tmp_path / "fit")
    np.testing.assert_allclose(nw.load(tmp_path / "fit").params, r.params, rtol=1e-6)  # type: ignore[arg-type]
    wider = r.update("~ . + z")
    np.testing.assert_array_equal(wider.fit.design.y, r.fit.design.y)
    assert wider.loglik > r.loglik or kind in ("lmer", "gls")  # REML falls with a column
    pd.testing.assert_frame_equal(data, before)


@pytest.mark.parametrize("kind", [pl.from_pandas, pa.Table.from_pandas, dict])
def test_in_the_callers_kind(kind: Callable[[Any], Any]) -> None:
    data = kind(_data())
    m = nw.lmer("y ~ x + (1 | g)", data)
    r = m.refit(m.fit.design.y[::-1])
    assert type(r.source.data) is type(data)
    np.testing.assert_allclose(r.update().params, r.params, rtol=1e-6)


def test_response_of_no_column(tmp_path: Path) -> None:
    m = nw.lm("I(y * 2) ~ x", _data())
    r = m.refit(m.fit.design.y[::-1])
    with pytest.raises(nw.OptionError, match="save: this model was refitted"):
        r.save(tmp_path / "fit")
    with pytest.raises(nw.OptionError, match="update: this model was refitted"):
        r.update("~ . + z")
    assert r.update(data=_data()).params.equals(m.params)
