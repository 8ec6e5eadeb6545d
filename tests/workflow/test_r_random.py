"""R's random numbers, bit for bit, against what R 4.2.2 drew (tests/oracle/rng.R)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nestwise._base.errors import OptionError
from nestwise.workflow.normal_quantile import normal_quantile
from nestwise.workflow.r_random import rnorm, runif, sample, set_seed

SEEDS = range(8)


def _exact(hexadecimal: list[str]) -> list[float]:
    return [float.fromhex(h) for h in hexadecimal]


@pytest.mark.parametrize("i", SEEDS)
def test_uniform_and_normal_numbers_are_those_of_r(i: int, oracle: Callable[[str], Any]) -> None:
    drawn = oracle("rng")["draws"][i]
    u, state = runif(set_seed(drawn["seed"]), 630)
    z, _ = rnorm(state, 150)
    assert u.tolist() == _exact(drawn["runif"])
    assert z.tolist() == _exact(drawn["rnorm"])


@pytest.mark.parametrize("i", SEEDS)
def test_mean_sd_and_interval(i: int, oracle: Callable[[str], Any]) -> None:
    drawn = oracle("rng")["draws"][i]
    z, state = rnorm(set_seed(drawn["seed"]), 50, mean=55, sd=7)
    u, _ = runif(state, 5, minimum=-2, maximum=3)
    assert z.tolist() == _exact(drawn["scaled"])
    assert u.tolist() == _exact(drawn["interval"])


@pytest.mark.parametrize("i", SEEDS)
def test_samples_are_those_of_r(i: int, oracle: Callable[[str], Any]) -> None:
    drawn = oracle("rng")["draws"][i]
    shuffle, state = sample(set_seed(drawn["seed"]), 40)
    part, state = sample(state, 1000, size=30)
    dice, state = sample(state, 6, size=30, replace=True)
    big, state = sample(state, 100_000, size=20)
    edge, state = sample(state, 65_536, size=20)
    one, state = sample(state, 1)
    assert shuffle.tolist() == drawn["shuffle"]
    assert part.tolist() == drawn["part"]
    assert dice.tolist() == drawn["dice"]
    assert big.tolist() == drawn["big"]
    assert edge.tolist() == drawn["edge"]
    assert one.tolist() == drawn["one"]
    assert rnorm(state, 3)[0].tolist() == _exact(drawn["last"])


def test_a_long_stream_ends_as_in_r(oracle: Callable[[str], Any]) -> None:
    z, _ = rnorm(set_seed(2024), 200_000)
    assert z[-200:].tolist() == _exact(oracle("rng")["last_of_200000"])


def test_quantiles_are_those_of_r(oracle: Callable[[str], Any]) -> None:
    frozen = oracle("rng")
    assert normal_quantile(np.array(_exact(frozen["p"]))).tolist() == _exact(frozen["qnorm"])


def test_quantiles_at_and_beyond_the_ends() -> None:
    z = normal_quantile(np.array([0.0, 1.0, -0.1, 1.1, np.nan]))
    assert z[:2].tolist() == [-np.inf, np.inf]
    assert np.isnan(z[2:]).all()


@given(st.integers(-2147483647, 2147483647), st.integers(0, 900), st.integers(0, 900))
def test_two_draws_are_one_long_draw(seed: int, first: int, second: int) -> None:
    a, state = rnorm(set_seed(seed), first)
    b, _ = rnorm(state, second)
    assert np.concatenate([a, b]).tolist() == rnorm(set_seed(seed), first + second)[0].tolist()


def test_drawing_leaves_the_state_as_it_was() -> None:
    state = set_seed(7)
    assert rnorm(state, 10)[0].tolist() == rnorm(state, 10)[0].tolist()


def test_no_spread_draws_nothing() -> None:
    state = set_seed(7)
    assert rnorm(state, 2, mean=3, sd=0)[0].tolist() == [3.0, 3.0]
    assert rnorm(state, 2, mean=3, sd=0)[1] is state
    assert runif(state, 2, minimum=1, maximum=1)[1] is state


@pytest.mark.parametrize("seed", [1.5, True, "1", None, 2147483648, -2147483648])
def test_seeds_that_r_does_not_take(seed: Any) -> None:
    with pytest.raises(OptionError, match="seed="):
        set_seed(seed)


def test_impossible_draws_are_refused() -> None:
    state = set_seed(1)
    with pytest.raises(OptionError, match="n=-1"):
        runif(state, -1)
    with pytest.raises(OptionError, match="sd=-2"):
        rnorm(state, 1, sd=-2)
    with pytest.raises(OptionError, match="minimum=2"):
        runif(state, 1, minimum=2, maximum=1)
    with pytest.raises(OptionError, match="size=4 from n=3"):
        sample(state, 3, size=4)
    with pytest.raises(OptionError, match="too large"):
        sample(state, 20_000_000, size=2)
