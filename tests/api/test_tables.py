"""Answers come back in the caller's own kind of table, and the data stay as they were."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import nestwise as nw

FORMULA = "Reaction ~ Days + (Days | Subject)"


def _polars(data: pd.DataFrame) -> pl.DataFrame:
    return pl.DataFrame({c: data[c].astype(str).tolist() if c == "Subject" else data[c].to_numpy()
                         for c in data})  # fmt: skip


def _pyarrow(data: pd.DataFrame) -> pa.Table:
    return _polars(data).to_arrow()


def _dict(data: pd.DataFrame) -> dict[str, Any]:
    return {c: data[c].to_numpy() for c in data}


KINDS: list[tuple[Callable[[pd.DataFrame], Any], type]] = [
    (lambda d: d, pd.DataFrame),
    (_polars, pl.DataFrame),
    (_pyarrow, pa.Table),
    (_dict, pd.DataFrame),
]
TABLES = {
    "tidy": ["term", "estimate", "std_error", "statistic", "df", "p_value"],
    "glance": ["nobs", "sigma", "loglik", "aic", "bic", "criterion", "df_resid", "reml",
               "converged", "singular"],
    "varcorr": ["group", "var1", "var2", "vcov", "sdcor"],
    "ranef": ["group", "level", "term", "estimate"],
    "coef": ["group", "level", "term", "estimate"],
    "confint": ["term", "conf_low", "conf_high"],
}  # fmt: skip


def _names(table: Any) -> list[str]:
    return list(table.column_names if isinstance(table, pa.Table) else table.columns)


def _values(table: Any, column: str) -> list[Any]:
    return list(table[column].to_pylist() if isinstance(table, pa.Table) else table[column])


@pytest.mark.parametrize(("convert", "kind"), KINDS)
def test_kind_and_columns(convert: Callable[[pd.DataFrame], Any], kind: type) -> None:
    m = nw.lmer(FORMULA, convert(nw.load_dataset("sleepstudy")))
    for method, columns in TABLES.items():
        table = getattr(m, method)()
        assert isinstance(table, kind), method
        assert _names(table) == columns
    compared = nw.anova(m, m.update(". ~ 1 + (Days | Subject)"))
    assert isinstance(compared, kind)
    augmented = m.augment()
    assert isinstance(augmented, kind)
    assert _names(augmented)[-3:] == ["fitted", "resid", "fitted_fixed"]


@pytest.mark.parametrize(("convert", "kind"), KINDS)
def test_numbers_do_not_depend_on_the_kind(
    convert: Callable[[pd.DataFrame], Any], kind: type
) -> None:
    m = nw.lmer(FORMULA, convert(nw.load_dataset("sleepstudy")))
    assert isinstance(m.tidy(), kind)
    assert _values(m.tidy(), "estimate") == pytest.approx([251.405105, 10.467286], rel=1e-7)
    assert _values(m.varcorr(), "var2")[2] == "Days"
    assert _values(m.ranef(), "level")[:2] == ["308", "309"]


def test_the_data_are_not_changed() -> None:
    data = nw.load_dataset("sleepstudy")
    before = data.copy(deep=True)
    m = nw.lmer(FORMULA, data, weights=np.ones(180))
    m.augment()
    m.predict(data)
    pd.testing.assert_frame_equal(data, before)


def test_augment_keeps_the_rows_used() -> None:
    data = nw.load_dataset("sleepstudy")
    data.loc[[3, 50], "Reaction"] = np.nan
    rows = nw.lmer(FORMULA, data).augment()
    assert len(rows) == 178
    assert rows.index.tolist() == [i for i in range(180) if i not in (3, 50)]
    np.testing.assert_allclose(rows["fitted"] + rows["resid"], rows["Reaction"])


def test_augment_does_not_overwrite() -> None:
    data = nw.load_dataset("sleepstudy").assign(resid=1.0)
    with pytest.raises(nw.NestwiseError, match="already have a column 'resid'"):
        nw.lmer(FORMULA, data).augment()


def test_tidy_of_random_parts() -> None:
    m = nw.lmer(FORMULA, nw.load_dataset("sleepstudy"))
    pars = m.tidy("ran_pars")
    assert pars["term"].tolist() == [
        "sd__(Intercept)", "sd__Days", "cor__(Intercept).Days", "sd__Observation",
    ]  # fmt: skip
    assert pars["estimate"].round(3).tolist() == [24.74, 5.922, 0.066, 25.592]
    vals = m.tidy(effects="ran_vals")
    assert list(vals.columns) == ["group", "level", "term", "estimate", "std_error"]
    assert len(vals) == 36
    np.testing.assert_allclose(vals["std_error"] ** 2, m.ranef(cond_var=True)["cond_var"])


def test_tidy_intervals_and_exponentials() -> None:
    m = nw.lmer(FORMULA, nw.load_dataset("sleepstudy"))
    t = m.tidy(conf_int=True, conf_level=0.9, ddf="normal")
    np.testing.assert_allclose(t["conf_high"] - t["estimate"], 1.6448536 * t["std_error"])
    e = m.tidy(conf_int=True, conf_level=0.9, ddf="normal", exponentiate=True)
    np.testing.assert_allclose(np.log(e["conf_low"]), t["conf_low"])
    wide = m.tidy(conf_int=True)
    half = (wide["conf_high"] - wide["estimate"]) / wide["std_error"]
    np.testing.assert_allclose(half, 2.109816, rtol=1e-5)  # qt(.975, 17)


def test_augment_of_new_rows() -> None:
    data = nw.load_dataset("sleepstudy")
    m = nw.lmer(FORMULA, data)
    rows = _polars(data).head(5)
    augmented = m.augment(rows)
    assert augmented.columns[-3:] == ["fitted", "resid", "fitted_fixed"]
    np.testing.assert_allclose(augmented["fitted"], m.fitted()[:5], rtol=1e-9)
    np.testing.assert_allclose(augmented["resid"], m.residuals()[:5], rtol=1e-7)
    without = m.augment(rows.drop("Reaction"))
    assert without.columns == ["Days", "Subject", "fitted", "fitted_fixed"]
    linear = nw.lm("Reaction ~ Days", data)
    assert list(linear.augment(data.head(2)).columns)[-2:] == ["fitted", "resid"]
    assert list(linear.augment().columns)[-3:] == ["fitted", "resid", "hat"]
