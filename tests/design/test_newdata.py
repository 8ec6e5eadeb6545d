"""New data are encoded as the training data were."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from nestwise._base.errors import DataError
from nestwise.design import build, encode_new, from_dict, to_dict

FORMULA = "y ~ poly(x, 2) + f*z + scale(z) + offset(log(k)) + (1 + x | g/h) + (0 + f || g)"


def training() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    n = 60
    return pd.DataFrame(
        {
            "y": rng.normal(size=n),
            "x": rng.normal(size=n),
            "z": rng.normal(size=n),
            "k": rng.integers(1, 9, n),
            "f": np.array(["p", "q", "r"])[rng.integers(0, 3, n)],
            "g": rng.integers(0, 4, n),
            "h": np.array(["u", "v"])[rng.integers(0, 2, n)],
        }
    )


def test_training_data_come_back() -> None:
    data = training()
    design = build(FORMULA, data)
    saved = json.loads(json.dumps(to_dict(design.encoder)))
    for source in (design, from_dict(saved)):
        new = encode_new(source, data, need_response=True)
        np.testing.assert_allclose(new.X, design.fixed.X, rtol=1e-13, atol=1e-13)
        assert new.y is not None
        assert new.offset is not None
        assert design.offset is not None
        np.testing.assert_array_equal(new.y, design.y)
        np.testing.assert_allclose(new.offset, design.offset)
        for codes, factor in zip(new.codes, design.factors, strict=True):
            np.testing.assert_array_equal(codes, factor.codes)
        for Z, term in zip(new.Z, design.terms, strict=True):
            for a, b in zip(Z, term.Z, strict=True):
                if a is None or b is None:
                    assert a is b
                else:
                    np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-13)


def test_a_single_row_uses_what_training_learned() -> None:
    data = training()
    design = build(FORMULA, data)
    new = encode_new(design, pl.DataFrame(data.iloc[[7]]))
    np.testing.assert_allclose(new.X[0], design.fixed.X[7], rtol=1e-13)
    assert [c.tolist() for c in new.codes] == [[f.codes[7]] for f in design.factors]


def test_unseen_and_missing_groups_have_code_minus_one() -> None:
    data = training()
    design = build("y ~ x + (1 | g/h)", data)
    rows = data.iloc[:4].assign(g=[0.0, 99.0, np.nan, 1.0], h=["u", "u", "u", "w"])
    new = encode_new(design, rows)
    nested, outer = new.codes
    assert outer.tolist() == [0, -1, -1, 1]
    assert nested.tolist() == [0, -1, -1, -1]
    assert new.kept is None
    bare = encode_new(design, {"x": [1.0, 2.0]})
    assert [c.tolist() for c in bare.codes] == [[-1, -1], [-1, -1]]


def test_groups_match_by_label_across_types() -> None:
    design = build("y ~ 1 + (1 | g)", training())
    assert encode_new(design, {"g": ["3", "0", "x"]}).codes[0].tolist() == [3, 0, -1]
    assert encode_new(design, {"g": [3.0, 0.0]}).codes[0].tolist() == [3, 0]


def test_unseen_fixed_level() -> None:
    design = build("y ~ f + (1 | g)", training())
    with pytest.raises(DataError, match=r"'f' has levels that the fit has not seen: 'new'"):
        encode_new(design, {"f": ["p", "new"], "g": [0, 1]})


def test_declared_but_unused_level_is_unseen() -> None:
    data = training()
    data["f"] = pd.Categorical(data["f"], categories=list("pqrs"))
    design = build("y ~ f", data)
    assert design.fixed.names == ("(Intercept)", "fq", "fr")
    with pytest.raises(DataError, match="not seen: 's'"):
        encode_new(design, {"f": ["s"]})


def test_missing_predictors_are_told_by_the_mask() -> None:
    design = build("y ~ x + f", training())
    new = encode_new(design, {"x": [1.0, np.nan, 2.0], "f": ["q", "q", None]})
    assert new.kept is not None
    assert new.kept.tolist() == [True, False, False]
    assert new.X.tolist() == [[1.0, 1.0, 1.0, 0.0]]


@pytest.mark.parametrize(
    "call", ["ns(x, 4)", "bs(x, df = 5)", "poly(x, 3)", "factor(g)", "cut(x, 3)", "relevel(f, 'q')",
             "C(f, sum)", "ifelse(f == 'q', 1, 0)", "as.numeric(factor(f))", "ordered(g)"]
)  # fmt: skip
def test_stateful_calls_remember(call: str) -> None:
    data = training()
    design = build(f"y ~ {call}", data)
    part = encode_new(design, data.iloc[10:13])
    np.testing.assert_allclose(part.X, design.fixed.X[10:13], rtol=1e-12, atol=1e-12)


def test_dropped_columns_stay_dropped() -> None:
    data = training()
    design = build("y ~ x + I(2 * x) + z", data)
    assert design.fixed.dropped == ("I(2 * x)",)
    assert encode_new(design, data).X.shape == (60, 3)


def test_own_functions_are_needed_again() -> None:
    own: dict[str, Any] = {"half": lambda v: v / 2}
    design = build("y ~ half(x)", training(), functions=own)
    saved = to_dict(design.encoder)
    with pytest.raises(DataError, match="half"):
        from_dict(saved)
    new = encode_new(from_dict(saved, own), {"x": [4.0]})
    assert new.X.tolist() == [[1.0, 2.0]]


def test_offset_by_column_is_remembered_and_by_array_refused() -> None:
    data = training()
    new = encode_new(build("y ~ x", data, offset="z"), data.iloc[:3])
    assert new.offset is not None
    np.testing.assert_array_equal(new.offset, data["z"].to_numpy()[:3])
    with pytest.raises(DataError, match="offset given as an array"):
        encode_new(build("y ~ x", data, offset=np.ones(60)), data)
