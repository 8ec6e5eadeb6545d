"""Bootstrap, R squared and intraclass correlation of fits with structured residuals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import nestwise as nw
from nestwise._base.arrays import FloatArray
from nestwise.core.structured.dense import dense_covariance
from nestwise.inference import bootstrap as module

FORMULA = "distance ~ age * Sex"


@pytest.fixture
def data(shared_file: Callable[[str], Path]) -> pd.DataFrame:
    return pd.read_csv(shared_file("Orthodont.csv"))


@pytest.fixture
def marginal(data: pd.DataFrame) -> nw.StructuredModel:
    return nw.gls(FORMULA, data, residual="cs(age | Subject)", variance="Sex")


@pytest.fixture
def mixed(data: pd.DataFrame) -> nw.StructuredModel:
    return nw.lmer(f"{FORMULA} + (1 | Subject)", data, residual="ar1(age | Subject)")


def test_replicates_depend_on_seed_and_number_alone(mixed: nw.StructuredModel) -> None:
    first, again = mixed.bootstrap(12, seed=3), mixed.bootstrap(12, seed=3)
    np.testing.assert_array_equal(first.replicates, again.replicates)
    np.testing.assert_array_equal(mixed.bootstrap(5, seed=3).replicates, first.replicates[:5])
    np.testing.assert_array_equal(
        mixed.bootstrap(12, seed=3, n_jobs=2).replicates, again.replicates
    )
    assert (mixed.bootstrap(12, seed=4).replicates != first.replicates).to_numpy().any()


def test_a_replicate_is_a_refit_to_a_simulated_response(mixed: nw.StructuredModel) -> None:
    replicates = mixed.bootstrap(3, seed=8).replicates
    refitted = mixed.refit(mixed.simulate(3, seed=8)[:, 2])
    sd = float(refitted.varcorr()["sdcor"].iloc[0])
    rho = float(refitted.residual_parameters()["estimate"].iloc[0])
    expected = [*refitted.params, sd, rho, refitted.sigma]
    np.testing.assert_allclose(replicates.iloc[2], expected, rtol=1e-12)


@pytest.mark.parametrize("name", ["marginal", "mixed"])
def test_percentile_intervals_are_near_wald(name: str, request: pytest.FixtureRequest) -> None:
    model = request.getfixturevalue(name)
    wald, boot = model.confint(), model.confint("boot", n=1000, seed=1)
    assert boot["term"].tolist() == wald["term"].tolist()
    assert model.bootstrap(2, seed=1).tidy()["term"].tolist() == wald["term"].tolist()
    width = wald["conf_high"] - wald["conf_low"]
    for end in ("conf_low", "conf_high"):
        assert ((boot[end] - wald[end]).abs() < 0.2 * width).all()


def test_simulated_spread_is_the_standard_error(marginal: nw.StructuredModel) -> None:
    table = marginal.bootstrap(1000, seed=2).tidy().set_index("term")
    own = marginal.bse
    np.testing.assert_allclose(table.loc[own.index, "std_error"], own, rtol=0.1)


def test_interruption_keeps_what_is_done(
    mixed: nw.StructuredModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, maker = mixed.bootstrap(10, seed=5), module.row_maker

    def interrupting(*args: object) -> Callable[[int], FloatArray]:
        one = maker(*args)  # type: ignore[arg-type]

        def until(r: int) -> FloatArray:
            if r == 4:
                raise KeyboardInterrupt
            return one(r)

        return until

    with monkeypatch.context() as patch:
        patch.setattr(module, "row_maker", interrupting)
        part = mixed.bootstrap(10, seed=5)
    assert part.interrupted
    assert part.n_done == 4
    resumed = mixed.bootstrap(10, resume=part)
    np.testing.assert_array_equal(resumed.replicates, whole.replicates)


def test_equal_names_stay_apart() -> None:
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"x": rng.uniform(1, 3, 150), "z": rng.uniform(1, 3, 150)})
    data["y"] = data["x"] + data["x"] * rng.normal(size=150)
    model = nw.gls("y ~ x", data, variance="power(x) + power(z)")
    found = model.bootstrap(4, seed=1)
    assert found.tidy()["term"].tolist()[2:] == ["power", "power #2", "sigma"]
    assert found.replicates.shape == (4, 5)


def test_basic_intervals_stay_in_range(marginal: nw.StructuredModel) -> None:
    found = marginal.bootstrap(60, seed=1)
    basic = found.confint(kind="basic").set_index("term")
    percentile = found.confint().set_index("term")
    estimate = found.tidy().set_index("term")["estimate"]
    assert (basic["conf_high"] <= (2 * estimate - percentile["conf_low"]) + 1e-12).all()
    assert basic.loc["rho", "conf_high"] <= 1.0


def test_refusals(marginal: nw.StructuredModel, mixed: nw.StructuredModel) -> None:
    with pytest.raises(nw.OptionError, match="method"):
        mixed.bootstrap(10, "cases")
    with pytest.raises(nw.OptionError, match="structured residuals"):
        mixed.bootstrap(60, seed=1).confint(kind="bca")
    with pytest.raises(nw.OptionError, match="another fit"):
        mixed.bootstrap(10, resume=marginal.bootstrap(2, seed=1))
    with pytest.raises(nw.OptionError, match="resume"):
        mixed.bootstrap(10, resume=3)  # type: ignore[arg-type]
    with pytest.raises(nw.OptionError, match="seed"):
        mixed.bootstrap(10, seed=-1)
    with pytest.raises(nw.OptionError, match="kind"):
        mixed.confint("boot", kind="bca")
    with pytest.raises(nw.OptionError, match="method"):
        mixed.confint("profil")
    with pytest.raises(nw.OptionError, match="no random effects"):
        marginal.icc()


def test_shares_of_variance_by_definition(data: pd.DataFrame) -> None:
    model = nw.lmer(f"{FORMULA} + (age | Subject)", data, variance="Sex")
    fit = model.fit
    V = fit.sigma**2 * dense_covariance(fit.problem.arrays, fit.par)[0]
    ratio = fit.natural.values[0]
    own = np.where(data["Sex"] == data["Sex"].iloc[0], 1.0, ratio)
    if not fit.natural.names[0].endswith(f"sd[{data['Sex'].iloc[0]}]"):
        own = np.where(data["Sex"] == data["Sex"].iloc[0], ratio, 1.0)
    residual = fit.sigma**2 * np.mean(own**2)
    random = V.diagonal().mean() - residual
    fixed = np.var(fit.design.fixed.X @ fit.beta, ddof=1)
    total = fixed + random + residual
    assert model.r2().marginal == pytest.approx(fixed / total, rel=1e-10)
    assert model.r2().conditional == pytest.approx((fixed + random) / total, rel=1e-10)
    assert model.icc().adjusted == pytest.approx(random / (random + residual), rel=1e-10)
    assert model.icc()["Subject"] == pytest.approx(model.icc().adjusted)


def test_shares_without_random_effects(marginal: nw.StructuredModel, data: pd.DataFrame) -> None:
    found = marginal.r2()
    assert found.marginal == found.conditional
    same = nw.gls(FORMULA, data, residual="cs(age | Subject)")
    random = nw.lmer(f"{FORMULA} + (1 | Subject)", data)
    # Compound symmetry is a random intercept: the total variance is the same.
    assert same.r2().marginal == pytest.approx(random.r2().marginal, rel=1e-5)
