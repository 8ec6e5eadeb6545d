"""The response of a binomial family, in every way that users write it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import nestwise as nw
from nestwise.design import build
from nestwise.design.model import Design
from nestwise.design.newdata import encode_new

G = ["a", "a", "b", "b", "c", "c"]
HITS = [0.0, 1.0, 1.0, 0.0, 1.0, 0.0]


def _design(y: Any, **options: Any) -> Design:
    frame = pd.DataFrame({"g": G}).assign(y=y)
    return build("y ~ 1 + (1 | g)", frame, response="proportion", **options)


@pytest.mark.parametrize(
    "y",
    [
        HITS,
        [int(h) for h in HITS],
        [bool(h) for h in HITS],
        ["yes" if h else "no" for h in HITS],
        pd.Categorical(["low" if h else "top" for h in HITS], categories=["top", "low"]),
        pd.Categorical(["b" if h else "a" for h in HITS], categories=["z", "a", "b"]),
    ],
)
def test_two_outcomes_are_zero_and_one(y: Any) -> None:
    design = _design(y)
    assert design.y.tolist() == HITS
    assert design.weights is None


def test_the_second_level_is_success_also_for_new_rows() -> None:
    design = _design(["yes" if h else "no" for h in HITS])
    assert design.encoder.categories is not None
    assert design.encoder.categories.tolist() == ["no", "yes"]
    new = encode_new(design, {"y": ["yes", "yes"], "g": ["a", "b"]}, need_response=True)
    assert new.y is not None
    assert new.y.tolist() == [1.0, 1.0]
    with pytest.raises(nw.DataError, match="levels that the fit has not seen: 'perhaps'"):
        encode_new(design, {"y": ["perhaps"], "g": ["a"]}, need_response=True)


def test_cbind_gives_shares_and_trials_and_leaves_out_rows_without_any() -> None:
    data = {"s": [1.0, 2, 0, 3, 0, 1], "f": [3.0, 2, 5, 0, 0, 1], "g": G}
    design = build("cbind(s, f) ~ 1 + (1 | g)", pl.DataFrame(data), response="proportion")
    assert design.n_dropped == 1
    assert design.y.tolist() == [0.25, 0.5, 0.0, 1.0, 0.5]
    assert design.weights is not None
    assert design.weights.tolist() == [4, 4, 5, 3, 2]
    with pytest.raises(nw.DataError, match="rows without trials"):
        build("cbind(s, f) ~ 1 + (1 | g)", data, response="proportion", na_action="fail")


def test_shares_take_trials_from_weights() -> None:
    share = np.array([0.25, 0.5, 0.0, 1.0, 0.2, 0.5])
    trials = np.array([4.0, 4, 5, 3, 5, 2])
    design = _design(share, weights=trials)
    assert design.y.tolist() == share.tolist()
    assert design.weights is not None
    assert design.weights.tolist() == trials.tolist()


def test_responses_that_are_not_binomial_are_refused() -> None:
    with pytest.raises(nw.DataError, match="3 categories .'a', 'b', 'c'.; a binomial family needs"):
        _design(["a", "b", "c", "a", "b", "c"])
    with pytest.raises(nw.DataError, match="is constant"):
        _design([1.0] * 6)
    data = {"s": [1.0, -2, 0, 3, 0, 1], "f": [3.0, 2, 5, 0, 1, 1], "g": G}
    with pytest.raises(nw.DataError, match="negative count in row 1"):
        build("cbind(s, f) ~ 1 + (1 | g)", data, response="proportion")
    with pytest.raises(nw.DataError, match="negative count in row 1$"):
        build(
            "cbind(s, f) ~ x + (1 | g)",
            {**data, "x": [np.nan, 1, 2, 3, 4, 5]},
            response="proportion",
        )
    with pytest.raises(nw.DataError, match="use glmer with family='binomial'"):
        build("y ~ 1 + (1 | g)", {"y": ["n", "y"] * 3, "g": G})


def test_weights_of_rows_that_are_left_out_do_not_matter() -> None:
    data = {"y": [0.5, np.nan, 0.5, 1.0, 0.0, 0.5], "w": [2.0, np.nan, 4, 2, 2, 4], "g": G}
    design = build("y ~ 1 + (1 | g)", data, weights="w", response="proportion")
    assert design.weights is not None
    assert design.weights.tolist() == [2, 4, 2, 2, 4]
    data["w"] = [2.0, 2, np.nan, 2, 2, 4]
    with pytest.raises(nw.DataError, match="weights: 1 of them missing, first in row 2"):
        build("y ~ 1 + (1 | g)", data, weights="w", response="proportion")


def test_a_constant_share_is_a_response() -> None:
    assert _design([0.5] * 6, weights=[2.0, 4, 6, 2, 2, 4]).y.tolist() == [0.5] * 6
