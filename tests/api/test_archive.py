"""Fits in files: the same numbers come back, and nothing but numbers can be in them."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import nestwise as nw
from nestwise.fit.result import Curvature


def test_a_mixed_model_comes_back(tmp_path: Path) -> None:
    data = nw.load_dataset("cake")
    model = nw.lmer("angle ~ recipe * temperature + (1 | recipe:replicate)", data)
    model.save(tmp_path / "cake.nestwise")
    again = nw.load(tmp_path / "cake.nestwise")
    assert isinstance(again, nw.MixedModel)
    assert again.criterion == pytest.approx(model.criterion, abs=1e-8)
    np.testing.assert_allclose(again.params, model.params, rtol=1e-8)
    assert list(again.params.index) == list(model.params.index)
    assert again.formula == model.formula
    np.testing.assert_allclose(again.predict(data.head()), model.predict(data.head()), rtol=1e-8)
    assert len(again.augment()) == len(data)


def _same(one: object, other: object) -> bool:
    """Whether two numbers, arrays or tuples of them are the same to the last bit."""
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    if isinstance(one, Curvature):
        assert isinstance(other, Curvature)
        return all(_same(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    if isinstance(one, tuple):
        return all(_same(a, b) for a, b in zip(one, other, strict=True))  # type: ignore[call-overload]
    return bool(one == other)


COUNTS = pd.DataFrame(
    {
        "y": [2, 0, 1, 3, 5, 4, 2, 6, 1, 0, 2, 1, 7, 4, 5, 9, 3, 3, 1, 2, 6, 2, 2, 8],
        "x": np.tile([0.0, 1.0, 2.0, 3.0], 6) + 100.0,
        "t": np.tile(list("abcd"), 6),
        "g": np.repeat(range(6), 4),
    }
)
SLEEP = nw.load_dataset("sleepstudy")
KEPT = {
    "slopes": lambda: nw.lmer("Reaction ~ Days + (Days | Subject)", SLEEP),
    "centred": lambda: nw.lmer("y ~ x + (x | g)", COUNTS, REML=False),
    "singular": lambda: nw.lmer("Yield ~ 1 + (1 | Batch)", nw.load_dataset("Dyestuff2")),
    "pattern": lambda: nw.lmer("y ~ x + cs(0 + t | g)", COUNTS.assign(y=np.sqrt(COUNTS["y"]))),
    "trials": lambda: nw.glmer(
        "incidence / size ~ period + (1 | herd)", nw.load_dataset("cbpp"), weights="size"
    ),
    "quadrature": lambda: nw.glmer("y > 2 ~ t + (1 | g)", COUNTS, nAGQ=7),
    "dispersion": lambda: nw.glmer(
        "y ~ t + (1 | g)", COUNTS, family=nw.families.negative_binomial()
    ),
    "scale": lambda: nw.glmer("I(y + 1) ~ x + (x | g)", COUNTS, family="gamma", link="log"),
    "counts": lambda: nw.glmer("y ~ 1 + ar1(0 + t | g)", COUNTS, family="poisson"),
    "residual": lambda: nw.gls("Reaction ~ Days", SLEEP, residual="ar1(Days | Subject)"),
    "fitted": lambda: nw.gls("Reaction ~ Days", SLEEP, variance="power(fitted)"),
    "both": lambda: nw.lmer(
        "Reaction ~ Days + (1 | Subject)", SLEEP, residual="car1(Days | Subject)"
    ),
}


@pytest.mark.parametrize("name", KEPT)
def test_every_number_comes_back_to_the_last_bit(name: str, tmp_path: Path) -> None:
    model = KEPT[name]()
    model.save(tmp_path / "m")
    again = nw.load(tmp_path / "m")
    made = ("design", "problem", "working", "model", "natural", "family", "link")
    for field in fields(model.fit):
        if field.name not in made:
            assert _same(getattr(model.fit, field.name), getattr(again.fit, field.name)), field.name
    assert again.diagnostics == model.diagnostics
    assert str(again.summary()) == str(model.summary())
    np.testing.assert_array_equal(again.predict(), model.predict())
    twice = nw.load(tmp_path / "m")
    twice.save(tmp_path / "again")
    assert _same(nw.load(tmp_path / "again").fit.beta, model.fit.beta)


def test_settings_weights_and_missing_rows_are_kept(tmp_path: Path) -> None:
    data = nw.load_dataset("sleepstudy")
    data.loc[3, "Days"] = np.nan
    weights = np.linspace(0.5, 2.0, len(data))
    model = nw.lmer(
        "Reaction ~ Days + (Days || Subject)",
        data,
        REML=False,
        weights=weights,
        control={"tolerance": 1e-10},
    )
    model.save(tmp_path / "m")
    again = nw.load(tmp_path / "m")
    assert (again.nobs, model.nobs) == (179, 179)
    assert again.criterion == pytest.approx(model.criterion, abs=1e-8)
    assert again.update("~ . + I(Days^2)").nobs == 179


def test_text_and_numbers_from_polars(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    frame = pl.DataFrame(
        {"y": rng.normal(size=40), "f": ["b", "a", None, "c"] * 10, "g": np.repeat(range(8), 5)}
    )
    model = nw.lmer("y ~ f + (1 | g)", frame)
    model.save(tmp_path / "m")
    again = nw.load(tmp_path / "m")
    assert list(again.params.index) == ["(Intercept)", "fb", "fc"]
    assert again.criterion == pytest.approx(model.criterion, abs=1e-8)


def test_a_linear_model_comes_back(tmp_path: Path) -> None:
    model = nw.lm("Reaction ~ Days", nw.load_dataset("sleepstudy"))
    model.save(tmp_path / "m")
    again = nw.load(tmp_path / "m")
    assert isinstance(again, nw.LinearModel)
    np.testing.assert_allclose(again.params, model.params, rtol=1e-12)


def test_own_functions_must_be_passed_again(tmp_path: Path) -> None:
    own = {"half": lambda x: x / 2}
    model = nw.lm("Reaction ~ half(Days)", nw.load_dataset("sleepstudy"), functions=own)
    model.save(tmp_path / "m")
    with pytest.raises(nw.DataError, match="calls half; pass functions"):
        nw.load(tmp_path / "m")
    assert nw.load(tmp_path / "m", functions=own).nobs == 180


def test_a_changed_file_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "m"
    nw.lmer("Yield ~ 1 + (1 | Batch)", nw.load_dataset("Dyestuff")).save(path)
    with zipfile.ZipFile(path) as archive:
        about, columns = json.loads(archive.read("model.json")), archive.read("columns.npz")
    about["criterion"] += 1.0
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.json", json.dumps(about))
        archive.writestr("columns.npz", columns)
    with pytest.raises(nw.FitError, match="changed or damaged"):
        nw.load(path)


@pytest.mark.parametrize("name", ["slopes", "dispersion", "residual"])
def test_changed_coefficients_are_noticed(name: str, tmp_path: Path) -> None:
    path = tmp_path / "m"
    KEPT[name]().save(path)
    with zipfile.ZipFile(path) as archive:
        about = archive.read("model.json")
        with np.load(io.BytesIO(archive.read("columns.npz"))) as packed:
            arrays = {n: packed[n] for n in packed.files}
    arrays["fit beta"] = arrays["fit beta"] * 1.01
    columns = io.BytesIO()
    np.savez_compressed(columns, **arrays)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.json", about)
        archive.writestr("columns.npz", columns.getvalue())
    with pytest.raises(nw.FitError, match="changed or damaged"):
        nw.load(path)


def test_pickles_and_other_files_are_refused(tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    bad.write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(nw.DataError, match="not a file that save"):
        nw.load(bad)
    with pytest.raises(nw.DataError, match="cannot be read"):
        nw.load(tmp_path / "absent")
    with pytest.raises(nw.OptionError, match="cannot be written"):
        nw.lm("Yield ~ 1", nw.load_dataset("Dyestuff")).save(tmp_path / "no" / "folder")


def _frames() -> dict[str, object]:
    """The same data with a column in all the ways that frames have for categories and truth."""
    rng = np.random.default_rng(0)
    size, levels = 120, ["low one", "mid", "high (x)", "never"]
    base = {"y": rng.normal(size=size), "g": rng.integers(0, 12, size)}
    texts = [levels[i] for i in rng.integers(0, 3, size)]
    truth = [None, *(bool(v) for v in rng.integers(0, 2, size - 1))]
    enum = pl.Series(texts).cast(pl.Enum(levels))
    days = pd.Categorical(pd.to_datetime("2020-01-01") + pd.to_timedelta(base["g"] % 3, unit="D"))
    dictionary = pd.ArrowDtype(pa.dictionary(pa.int8(), pa.string()))
    return {
        "polars enum": pl.DataFrame({**base, "f": enum}),
        "polars categories": pl.DataFrame({**base, "f": pl.Series(texts).cast(pl.Categorical)}),
        "polars truth": pl.DataFrame({**base, "f": truth}),
        "arrow dictionary": pa.table({**base, "f": pa.array(texts).dictionary_encode()}),
        "arrow truth": pa.table({**base, "f": pa.array(truth)}),
        "pandas dictionary": pd.DataFrame({**base, "f": pd.array(texts, dtype=dictionary)}),
        "pandas truth": pd.DataFrame({**base, "f": pd.array(truth, dtype="boolean")}),
        "pandas objects": pd.DataFrame({**base, "f": pd.Series([*truth[1:], None], dtype=object)}),
        "pandas days": pd.DataFrame({**base, "f": days}),
        "pandas intervals": pd.DataFrame({**base, "f": pd.cut(base["y"], [-9, -0.5, 0.5, 9])}),
        "polars series": {**base, "f": enum},
    }


@pytest.mark.parametrize("kind", _frames())
def test_columns_of_any_kind_come_back(kind: str, tmp_path: Path) -> None:
    data = _frames()[kind]
    for model in (nw.lmer("y ~ f + (1 | g)", data), nw.lm("y ~ f", data)):
        model.save(tmp_path / "m")
        again = nw.load(tmp_path / "m")
        assert list(again.params.index) == list(model.params.index)
        np.testing.assert_allclose(again.params, model.params, rtol=1e-12)
        np.testing.assert_allclose(again.predict(data), model.predict(data), rtol=1e-12)


def test_a_series_of_polars_is_read_as_in_a_frame() -> None:
    frames = _frames()
    found = [nw.lm("y ~ f", frames[k]).params for k in ("polars series", "polars enum")]
    assert list(found[0].index) == ["(Intercept)", "fmid", "fhigh (x)"]
    pd.testing.assert_series_equal(*found)
