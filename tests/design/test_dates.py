"""Columns of dates: grouping factors as R's factor() has them, refused where R counts days."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import nestwise as nw
from nestwise.design.groups import level_labels
from nestwise.design.table import open_table, read_column

SLEEP = nw.load_dataset("sleepstudy").rename(columns={"Days": "x"})
FIRST = np.datetime64("2024-01-25")
DAYS = FIRST + pd.factorize(SLEEP["Subject"])[0].astype("timedelta64[D]")[::-1]
LABELS = [str(FIRST + np.timedelta64(i, "D")) for i in range(18)]
FORMULA = "Reaction ~ x + (x | day)"


def frame(days: Any) -> pd.DataFrame:
    return SLEEP.assign(day=days)


def sources() -> dict[str, Any]:
    polar = pl.from_pandas(SLEEP).with_columns(day=pl.Series(DAYS))
    objects = np.array(DAYS.astype("datetime64[D]").tolist(), dtype=object)
    return {
        "datetime64": frame(pd.Series(DAYS).astype("datetime64[ns]")),
        "objects": frame(objects),
        "zone": frame(pd.Series(DAYS).astype("datetime64[s]").dt.tz_localize("Europe/Paris")),
        "arrow dtype": frame(pd.Series(objects, dtype=pd.ArrowDtype(pa.date32()))),
        "polars": polar,
        "polars datetime": polar.with_columns(pl.col("day").cast(pl.Datetime("us"))),
        "polars zone": polar.with_columns(
            pl.col("day").cast(pl.Datetime("us")).dt.replace_time_zone("America/New_York")
        ),
        "pyarrow": pa.table({**pa.Table.from_pandas(SLEEP).to_pydict(), "day": objects.tolist()}),
        "dict": {**{str(k): v.to_numpy() for k, v in SLEEP.items()}, "day": DAYS},
    }


SOURCES = sources()
TEXT = nw.lmer(FORMULA, frame(DAYS.astype(str)))


@pytest.mark.parametrize("kind", list(SOURCES))
def test_dates_group_as_their_labels_do(kind: str) -> None:
    m = nw.lmer(FORMULA, SOURCES[kind])
    assert m.criterion == TEXT.criterion
    assert level_labels(m.fit.design.factors[0]).tolist() == LABELS
    assert (m.predict() == TEXT.predict()).all()
    data = SOURCES[kind]
    new = data[:20] if not isinstance(data, dict) else {k: v[:20] for k, v in data.items()}
    np.testing.assert_allclose(m.predict(new), TEXT.predict()[:20], rtol=1e-12)


def test_times_are_labelled_one_by_one_and_missing_ones_are_missing() -> None:
    times = ["2024-03-01 10:30:00", "2024-03-01", None, "2024-03-01 10:30:00.25"]
    column = read_column(open_table({"t": pd.to_datetime(pd.Series(times), format="ISO8601")}), "t")
    assert column.levels is not None
    assert column.levels.tolist() == [
        "2024-03-01",
        "2024-03-01 10:30:00",
        "2024-03-01 10:30:00.250000",
    ]
    assert column.values.tolist() == [1, 0, -1, 2]
    lacking = pl.DataFrame({"t": [date(2024, 3, 1), None, date(999, 1, 2)]})
    column = read_column(open_table(lacking), "t")
    assert column.levels is not None
    assert column.levels.tolist() == ["0999-01-02", "2024-03-01"]
    assert column.values.tolist() == [1, -1, 0]


def test_two_instants_with_one_clock_time_are_two_levels() -> None:
    twice = pd.to_datetime(["2024-10-27 00:30", "2024-10-27 01:30"], utc=True)
    zoned = pd.Series(twice).dt.tz_convert("Europe/Paris")
    column = read_column(open_table(pd.DataFrame({"t": zoned})), "t")
    assert column.levels is not None
    assert sorted(column.levels.tolist()) == [
        "2024-10-27 02:30:00+01:00",
        "2024-10-27 02:30:00+02:00",
    ]


def test_generalised_and_grouped_models() -> None:
    cbpp = nw.load_dataset("cbpp")
    plain = nw.glmer("incidence / size ~ period + (1 | herd)", cbpp, weights="size")
    codes = pd.factorize(cbpp["herd"], sort=True)[0].astype("timedelta64[D]")
    dated = pl.from_pandas(cbpp).with_columns(herd=pl.Series(FIRST + codes))
    m = nw.glmer("incidence / size ~ period + (1 | herd)", dated, weights="size")
    assert m.criterion == pytest.approx(plain.criterion, abs=1e-8)
    each = nw.lm_list("Reaction ~ x | day", SOURCES["polars"])
    assert each.n_groups == {"day": 18}
    assert nw.gls("Reaction ~ x", SOURCES["datetime64"], residual="cs(x | day)").n_groups == {
        "day": 18
    }


def test_nested_dates_and_explicit_factors() -> None:
    data = SOURCES["datetime64"].assign(half=lambda d: d["Subject"].astype(str) < "335")
    m = nw.lmer("Reaction ~ x + (1 | half/day)", data)
    assert m.n_groups == {"day:half": 18, "half": 2}
    fixed = nw.lm("Reaction ~ x + factor(day)", data)
    assert f"factor(day){LABELS[1]}" in fixed.params.index


def test_saved_and_loaded(tmp_path: Path) -> None:
    m = nw.lmer(FORMULA, SOURCES["polars"])
    m.save(tmp_path / "m.nestwise")
    again = nw.load(tmp_path / "m.nestwise")
    assert isinstance(again, nw.MixedModel)
    assert again.ranef()["level"].tolist() == m.ranef()["level"].to_list()
    assert (again.predict() == m.predict()).all()


@pytest.mark.parametrize("kind", ["datetime64", "polars", "pyarrow"])
def test_describe_levels(kind: str) -> None:
    found = nw.describe_levels(SOURCES[kind], "day")
    assert list(found.groups["group"].to_numpy() if kind != "pyarrow" else
                found.groups["group"].to_pylist()) == LABELS  # fmt: skip
    other = nw.describe_levels(SOURCES[kind], "Subject")
    rows = other.variables.to_pandas() if kind != "datetime64" else other.variables
    day = rows.set_index("variable").loc["day"]
    assert (day["kind"], day["varies_at"], day["n_distinct"]) == ("date", "Subject", 18)


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("Reaction ~ day + (1 | Subject)", "'day' holds dates or times; turn it into a number"),
        ("Reaction ~ x + (day | Subject)", "'day' holds dates or times"),
        (
            "Reaction ~ x + x:day + (1 | Subject)",
            r"'day' holds dates or times.*write factor\(day\)",
        ),
        ("day ~ x + (1 | Subject)", "the response 'day' holds dates or times"),
        (
            "Reaction ~ log(day) + (1 | Subject)",
            r"log\(day\) holds dates or times; turn it into a number",
        ),
    ],
)
def test_elsewhere_dates_are_refused(formula: str, said: str) -> None:
    for kind in ("datetime64", "polars"):
        with pytest.raises(nw.DataError, match=said):
            nw.lmer(formula, SOURCES[kind])
    with pytest.raises(nw.DataError, match="dates or times"):
        nw.glmer("day ~ x + (1 | Subject)", SOURCES["datetime64"])
    with pytest.raises(nw.DataError, match="visit 'day' holds dates"):
        nw.gls("Reaction ~ x", SOURCES["datetime64"], residual="ar1(day | Subject)")


def test_durations_and_mixtures_stay_refused() -> None:
    lengths = pd.Series(DAYS - FIRST)
    with pytest.raises(nw.DataError, match="'day' holds dates or times"):
        nw.lmer(FORMULA, frame(lengths))
    mixed = np.array([date(2024, 1, 1), "x"] * 90, dtype=object)
    with pytest.raises(nw.DataError, match="'day' holds"):
        nw.lmer(FORMULA, frame(mixed))
    both = pd.Series([datetime(2024, 1, 1), date(2024, 1, 2)], dtype=object)
    levels = read_column(open_table({"day": both}), "day").levels
    assert levels is not None
    assert levels.tolist() == ["2024-01-01", "2024-01-02"]


def test_a_lazy_frame_says_how_to_read_it() -> None:
    lazy = pl.from_pandas(SLEEP).lazy()
    for call in (nw.lmer, nw.lm):
        with pytest.raises(nw.DataError, match=r"a LazyFrame.*pass data\.collect\(\)"):
            call("Reaction ~ x", lazy)
    assert nw.lm("Reaction ~ x", lazy.collect()).nobs == 180
