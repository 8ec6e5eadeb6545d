"""Random small generalised mixed models, most of them hard: what `glmm_verdicts.py` fits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nestwise.core.families.registry import family_named
from nestwise.core.links.link import mean
from nestwise.core.links.registry import link_named

Rng = np.random.Generator
Codes = NDArray[np.int64]
Floats = NDArray[np.float64]

PAIRS = (
    *[("binomial", "logit")] * 6,
    *[("poisson", "log")] * 3,
    ("binomial", "probit"),
    ("binomial", "cloglog"),
    ("binomial", "cauchit"),
    ("poisson", "sqrt"),
    ("gamma", "log"),
    ("gamma", "inverse"),
    ("inverse_gaussian", "log"),
    ("gaussian", "identity"),
    ("gaussian", "log"),
    ("negative_binomial", "log"),
    ("beta", "logit"),
    ("beta", "cloglog"),
    ("beta_binomial", "logit"),
)
"""Families with links, as often as they are drawn."""

TERMS = {
    "(1 | g0)": 1,
    "(x | g0)": 1,
    "(x || g0)": 1,
    "(1 | g0) + (1 | g1)": 2,
    "(x | g0) + (1 | g1)": 2,
    "(1 | g0/g1)": 2,
    "(1 | g0) + (1 | row)": 2,
    "(1 | g0) + (1 | g1) + (0 + x | g1)": 2,
}
"""Random parts and how many factors they have."""


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """One model with its data.

    Parameters
    ----------
    formula, family, link : str
        What is fitted.
    n_agq : int
        Quadrature points.
    data : pandas.DataFrame
        Columns y (or success, failure), x, c, w, o, g0, g1, row.
    weighted : bool
        Whether column w holds prior weights.
    traits : tuple of str
        What is hard about it.
    """

    formula: str
    family: str
    link: str
    n_agq: int
    data: pd.DataFrame
    weighted: bool
    traits: tuple[str, ...]


def _groups(rng: Rng, n: int, traits: list[str]) -> tuple[Codes, Codes]:
    m = int(rng.choice([3, 5, 12, 40]))
    if rng.random() < 0.2:
        m, _ = n // 2, traits.append("tiny groups")
    m = min(m, n // 2)
    codes = np.concatenate([np.arange(m), rng.integers(0, m, n - m)])
    if rng.random() < 0.4:
        codes = np.sort(codes)
    other = int(rng.choice([3, 6, 15]))
    crossed = np.concatenate([np.arange(other), rng.integers(0, other, n - other)])
    if rng.random() < 0.15:
        traits.append("factors nearly alike")
        crossed = codes.copy()
        crossed[:2] = crossed[-2:]
    return codes, crossed


def _effects(rng: Rng, codes: Codes, x: Floats, sd: float, slope: float) -> Floats:
    m = int(codes.max()) + 1
    out: Floats = sd * rng.normal(size=m)[codes] + slope * rng.normal(size=m)[codes] * x
    return out


def _response(rng: Rng, family: str, link: str, eta: Floats, trials: Floats, phi: float) -> Floats:
    """A response of the family; predictors are brought into the domain of the link first."""
    chosen, function = family_named(family), link_named(link)
    if link in ("sqrt", "inverse"):
        eta = np.maximum(eta, 0.5)
    if link == "log":
        eta = np.minimum(eta, 5.0)
    mu = mean(function, eta)
    if family in ("beta", "beta_binomial", "binomial"):
        mu = np.clip(mu, 1e-9, 1.0 - 1e-9)
    y = np.asarray(chosen.simulate(mu, trials, phi, rng), dtype=np.float64)
    if family == "beta":
        y = np.clip(y, 1e-6, 1.0 - 1e-6)
    return np.maximum(y, 1e-6) if family in ("gamma", "inverse_gaussian") else y


def draw(seed: int) -> Drawn:
    """Model number `seed`."""
    rng, traits = np.random.default_rng(seed), list[str]()
    family, link = PAIRS[int(rng.integers(len(PAIRS)))]
    n = int(rng.choice([16, 40, 90, 250]))
    g0, g1 = _groups(rng, n, traits)
    x, c = rng.normal(size=n), rng.choice(["a", "b", "c"], n)
    if rng.random() < 0.1:
        x, _ = x + 50.0, traits.append("covariate far from zero")
    sd, slope = float(rng.choice([0.0, 0.2, 0.7, 2.5])), float(rng.choice([0.0, 0.5]))
    if link in ("sqrt", "inverse"):  # far from where the mean would be negative
        sd, slope = min(sd, 0.2), 0.2 * slope
    traits += ["no variance"] * (sd == 0.0) + ["large variance"] * (sd > 2.0)
    level = {"log": 0.5, "sqrt": 2.5, "inverse": 2.5}.get(link, float(rng.choice([0.0, 0.0, 2.5])))
    z = (x - x.mean()) / x.std()
    eta = level + 0.4 * z + 0.3 * (c == "b") + _effects(rng, g0, z, sd, slope)
    eta += _effects(rng, g1, z, float(rng.choice([0.0, 0.5])) if sd else 0.0, 0.0)
    counts = family in ("binomial", "beta_binomial")
    trials = rng.integers(1, 12, n).astype(float) if counts and rng.random() < 0.5 else np.ones(n)
    offset = 0.2 * rng.normal(size=n) if rng.random() < 0.15 else np.zeros(n)
    y = _response(rng, family, link, eta + offset, trials, float(rng.choice([0.3, 2.0])))
    zero_one = counts or family in ("poisson", "negative_binomial")
    if zero_one and rng.random() < 0.15:
        y[c == "c"] = float(rng.integers(0, 2)) if counts else 0.0
        traits.append("level of one kind")
    if counts and rng.random() < 0.05:
        y = (z > 0.0).astype(float)
        traits.append("response is a step in x")
    return _packed(rng, family, link, (y, x, c, g0, g1), trials, offset, traits)


def _packed(
    rng: Rng,
    family: str,
    link: str,
    columns: tuple[Floats, Floats, NDArray[np.str_], Codes, Codes],
    trials: Floats,
    offset: Floats,
    traits: list[str],
) -> Drawn:
    y, x, c, g0, g1 = columns
    n = len(y)
    data = pd.DataFrame({"y": y, "x": x, "c": c, "o": offset, "g0": g0, "g1": g1})
    data["row"] = np.arange(n)
    random = str(rng.choice(list(TERMS)))
    if random == "(1 | g0) + (1 | row)" and (trials <= 1.0).all() and family == "binomial":
        random = "(1 | g0)"
    fixed = str(rng.choice(["1", "x", "x + c", "c", "x*c"]))
    left, weighted = "y", False
    if (trials > 1.0).any():
        data["success"], data["failure"] = np.round(y * trials), trials - np.round(y * trials)
        left = "cbind(success, failure)"
    elif family in ("poisson", "gamma", "gaussian") and rng.random() < 0.2:
        data["w"], weighted = rng.choice([0.5, 1.0, 3.0], n), True
    moved = " + offset(o)" if offset.any() else ""
    one = TERMS[random] == 1
    n_agq = int(rng.choice([1, 1, 5, 9])) if one else 1
    formula = f"{left} ~ {fixed}{moved} + {random}"
    return Drawn(formula, family, link, n_agq, data, weighted, tuple(traits))
