"""compare_structures: one table, tests where nested, failures told and not raised."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import nestwise as nw
from nestwise.core.residual.registry import RESIDUAL_STRUCTURES
from nestwise.inference.structure_table import SIMPLER, StructureFit, structure_table

FORMULA, WITHIN = "distance ~ age * Sex", "age | Subject"


def test_likelihoods_and_tests(
    oracle: Callable[[str], Any], shared_file: Callable[[str], Path]
) -> None:
    known = oracle("nlme_models")
    data = pd.read_csv(shared_file("Orthodont.csv"))
    found = nw.compare_structures(FORMULA, data, within=WITHIN).set_index("structure")
    for name in ("us", "cs", "csh", "ar1", "ar1h", "toep", "toeph"):
        assert found.loc[name, "loglik"] == pytest.approx(known[f"o_{name}"]["loglik"], abs=1e-6)
    assert found["aic"].is_monotonic_increasing
    assert found["delta_aic"].iloc[0] == 0.0
    assert found.loc["cs", "versus"] == "us"
    assert found.loc["cs", "df"] == 8
    chisq = 2 * (known["o_us"]["loglik"] - known["o_cs"]["loglik"])
    assert found.loc["cs", "chisq"] == pytest.approx(chisq, abs=1e-5)
    assert np.isnan(found.loc["us", "chisq"])
    independent = nw.lm(FORMULA, data)
    ml = nw.compare_structures(FORMULA, data, within=WITHIN, structures=["id", "cs"], REML=False)
    assert ml["loglik"].iloc[1] == pytest.approx(independent.loglik, abs=1e-8)


def test_beside_random_effects_and_in_the_callers_kind() -> None:
    data = pl.from_pandas(nw.load_dataset("sleepstudy"))
    found = nw.compare_structures(
        "Reaction ~ Days + (1 | Subject)", data, within="Days | Subject", structures=["id", "ar1"]
    )
    assert isinstance(found, pl.DataFrame)
    assert found["structure"].to_list() == ["ar1", "id"]
    assert found["df"].to_list()[1] == 1.0


def test_bad_names_are_named() -> None:
    data = nw.load_dataset("sleepstudy")
    with pytest.raises(nw.OptionError, match="did you mean 'ar1'"):
        nw.compare_structures("Reaction ~ Days", data, within="Days | Subject", structures=["arl"])
    with pytest.raises(nw.OptionError, match="list of names"):
        nw.compare_structures("Reaction ~ Days", data, within="Days | Subject", structures="ar1")


def test_nothing_is_tested_against_what_does_not_contain_it() -> None:
    nan = float("nan")
    fits = [
        StructureFit("cs", 5, -10.0, 30.0, 32.0, True),
        StructureFit("ar1", 5, -9.0, 28.0, 30.0, True),
        StructureFit("us", 0, nan, nan, nan, False, "too few subjects"),
        StructureFit("csh", 8, -8.0, 32.0, 36.0, True),
    ]
    table = structure_table(fits)
    assert table["structure"].tolist() == ["ar1", "cs", "csh", "us"]
    assert table["versus"].tolist() == [None, "csh", None, None]


def test_the_order_of_structures_knows_them_all() -> None:
    known = {*RESIDUAL_STRUCTURES, "id"}
    assert set(SIMPLER) == known - {"id"}
    for inner in SIMPLER.values():
        assert set(inner) <= known


@pytest.mark.parametrize("whole", sorted(SIMPLER))
def test_containment_is_true(whole: str) -> None:
    """A structure that contains another has a matrix that is the other's, for some parameters."""
    from scipy.optimize import least_squares

    from nestwise.core.residual.visits import Visits

    at = Visits(np.arange(4, dtype=np.int32), np.arange(4.0), 4)
    outer = RESIDUAL_STRUCTURES[whole]
    for name in SIMPLER[whole]:
        if name == "id":
            continue
        inner = RESIDUAL_STRUCTURES[name]
        target, _ = inner.covariance(inner.start(4), at)

        def miss(par: np.ndarray, target: np.ndarray = target) -> np.ndarray:
            return (outer.covariance(par, at)[0] - target).ravel()

        start = outer.start(4)
        if whole.endswith("nugget"):  # the simpler one is the limit of no nugget
            assert inner.n_par(4) == 1
            start = np.append(inner.start(4), -15.0)
        found = least_squares(miss, start, xtol=1e-15, ftol=1e-15, gtol=1e-15)
        assert np.abs(found.fun).max() < 1e-6, name
