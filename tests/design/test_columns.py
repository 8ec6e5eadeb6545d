"""Columns of frames as arrays: short ways give what long ways give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nestwise._base.memo import memo_object
from nestwise.design.collate import collation_key, sort_text
from nestwise.design.pandas_column import series_array, stored_column
from nestwise.design.table import open_table, read_column

FRAME = pd.DataFrame(
    {
        "x": [1.5, 2.5, np.nan],
        "i": [3, 1, 2],
        "s": ["b", "a", "b"],
        "c": pd.Categorical(["u", None, "v"], categories=["v", "u"]),
        "n": pd.array([1, None, 3], dtype="Int64"),
        "o": pd.Series(["p", None, "q"], dtype=object),
    }
)


class _WithoutShortWay(pd.DataFrame):
    """A frame of a pandas that has renamed what is not public."""

    _get_column_array = None


@pytest.mark.parametrize("name", FRAME.columns)
def test_the_long_way_gives_the_same(name: str) -> None:
    short, long = stored_column(FRAME, name), stored_column(_WithoutShortWay(FRAME), name)
    assert type(short) is type(long) is type(series_array(FRAME[name]))
    pd.testing.assert_series_equal(pd.Series(short), pd.Series(long))


def test_arrays_of_the_users_frame_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="read-only"):
        stored_column(FRAME, "i")[0] = 0


@given(st.lists(st.text(), unique=True), st.lists(st.text("aAbB_ 019", max_size=4), unique=True))
def test_sorting_all_at_once_is_sorting_one_by_one(any_text: list[str], plain: list[str]) -> None:
    for texts in (any_text, plain):
        assert sort_text(texts) == sorted(texts, key=collation_key)


def test_text_is_coded_alike_whatever_holds_it() -> None:
    texts = ["b", None, "A", "a", "b", "10", None]
    levels = sort_text({t for t in texts if t is not None})
    codes = [-1 if t is None else levels.index(t) for t in texts]
    pl.Series(["z", "a", "y", "b"]).cast(pl.Categorical)  # fills what polars shares
    polars = pl.DataFrame({"g": texts})
    tables: list[Any] = [
        pd.DataFrame({"g": texts}),
        pd.DataFrame({"g": pd.Series(texts, dtype=object)}),
        polars,
        polars.with_columns(pl.col("g").cast(pl.Categorical)),
        pa.table({"g": texts}),
        {"g": texts},
    ]
    for table in tables:
        column = read_column(open_table(table), "g")
        assert column.levels is not None
        assert (column.values.tolist(), column.levels.tolist()) == (codes, levels)


def test_text_that_is_missing_everywhere_has_no_level() -> None:
    nothing = pl.DataFrame({"g": pl.Series([None, None], dtype=pl.String)})
    column = read_column(open_table(nothing), "g")
    assert column.levels is not None
    assert (column.values.tolist(), len(column.levels)) == ([-1, -1], 0)


def test_memory_of_an_object_ends_with_it() -> None:
    seen: list[int] = []

    @memo_object
    def size(index: pd.Index[Any]) -> int:
        seen.append(len(index))
        return len(index)

    for n in (2, 3):
        index = pd.Index(list(range(n)))
        assert size(index) == size(index) == n
        del index
    assert seen == [2, 3]
