"""Random small mixed models, most of them hard: what `verdicts.py` fits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Codes = NDArray[np.int64]
Rng = np.random.Generator


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """One model with its data.

    Parameters
    ----------
    formula : str
        What is fitted.
    data : pandas.DataFrame
        Columns y, x, z (constant within g0), c (three conditions), w, g0, g1, ...
    weighted : bool
        Whether column w holds prior weights.
    reml : bool
        REML or ML.
    traits : tuple of str
        What is hard about it.
    """

    formula: str
    data: pd.DataFrame
    weighted: bool
    reml: bool
    traits: tuple[str, ...]


def _sizes(rng: Rng, n: int, m: int) -> Codes:
    """Codes of m levels, balanced or very unbalanced, each level seen at least once."""
    if rng.random() < 0.5:
        return np.sort(np.arange(n) % m)
    share = rng.dirichlet(np.full(m, 0.5))
    return np.concatenate([np.arange(m), rng.choice(m, n - m, p=share)])


def _nested(rng: Rng, first: Codes, m: int) -> Codes:
    """A factor of about m levels, each inside one level of `first`."""
    inside = rng.integers(0, max(2, m // (int(first.max()) + 1)), len(first))
    return np.unique(first * 1000 + inside, return_inverse=True)[1]


def _crossed(rng: Rng, first: Codes, m: int) -> Codes:
    codes = np.arange(len(first)) % m
    rng.shuffle(codes)
    return codes


def _nearly(rng: Rng, first: Codes, m: int) -> Codes:
    """`first` but for one to three rows."""
    codes = first.copy()
    rows = rng.choice(len(codes), int(rng.integers(1, 4)), replace=False)
    codes[rows] = (codes[rows] + 1) % (int(first.max()) + 1)
    return codes


def _same(rng: Rng, first: Codes, m: int) -> Codes:
    """`first` under other names: nothing can tell the two apart."""
    return rng.permutation(int(first.max()) + 1)[first]


FURTHER: dict[str, tuple[float, Callable[[Rng, Codes, int], Codes]]] = {
    "nested": (0.35, _nested),
    "crossed": (0.42, _crossed),
    "near-confounded": (0.18, _nearly),
    "confounded": (0.05, _same),
}


def _draw_factors(rng: Rng, n: int) -> tuple[list[Codes], list[str]]:
    """One to three grouping factors and how they stand to the first."""
    first = _sizes(rng, n, _levels(rng, n))
    factors, traits = [first], []
    for _ in range(int(rng.choice(3, p=[0.4, 0.45, 0.15]))):
        kind = str(rng.choice(list(FURTHER), p=[p for p, _ in FURTHER.values()]))
        factors.append(FURTHER[kind][1](rng, first, _levels(rng, n)))
        traits.append(kind)
    if min(int(f.max()) for f in factors) < 4:
        traits.append("few levels")
    return factors, traits


def _levels(rng: Rng, n: int) -> int:
    few, some, many = rng.integers(2, 5), rng.integers(5, 13), rng.integers(8, max(9, n // 4))
    return int(min(rng.choice([few, some, many], p=[0.35, 0.4, 0.25]), n // 3))


def _term(rng: Rng, group: str, taken: bool) -> tuple[str, list[str], bool]:
    """Text, names of slopes and whether there is an intercept, of one term."""
    slopes: list[str] = []
    if taken or rng.random() < 0.6:
        count = int(rng.choice([1, 2], p=[0.75, 0.25]))
        names = rng.choice(["x", "z", "c", "v"], count, replace=False, p=[0.4, 0.15, 0.2, 0.25])
        slopes = [str(s) for s in names]
    intercept = not taken and (not slopes or rng.random() < 0.9)
    bar = "||" if slopes and rng.random() < 0.3 else "|"
    left = " + ".join([*(["1"] if intercept else ["0"]), *slopes])
    return f"({left} {bar} {group})", slopes, intercept


def _slope_columns(data: pd.DataFrame, slopes: list[str], intercept: bool) -> NDArray[np.float64]:
    """(n, k) what the effects of a term multiply in the truth."""
    columns = [np.ones(len(data))] if intercept else []
    for s in slopes:
        if s == "c":
            used = ("b", "d") if intercept else ("a", "b", "d")
            columns += [(data["c"] == level).to_numpy(dtype=float) for level in used]
        else:
            columns.append(data[s].to_numpy() / max(1.0, float(np.abs(data[s]).mean())))
    return np.column_stack(columns)


def _effects(rng: Rng, codes: Codes, Z: NDArray[np.float64]) -> tuple[NDArray[np.float64], str]:
    """Sum of the effects of a term, and what is hard about their covariance."""
    k, m = Z.shape[1], int(codes.max()) + 1
    sd = rng.choice([0.0, 0.1, 0.7, 2.0, 10.0], size=k, p=[0.25, 0.15, 0.3, 0.2, 0.1])
    b, trait = rng.normal(size=(m, k)), "zero variance" if (sd == 0).any() else ""
    if k > 1 and rng.random() < 0.4:
        near = float(rng.choice([0.0, 0.01, 0.05]))
        sign = rng.choice([-1.0, 1.0], size=k)
        b = b[:, :1] * sign + near * b
        trait = trait or "correlation near one"
    return (Z * (b * sd)[codes]).sum(axis=1), trait


def draw(seed: int) -> Drawn:
    """The model of a seed.

    Parameters
    ----------
    seed : int
        The same seed gives the same model.

    Returns
    -------
    Drawn
        With fewer random effects and coefficients than rows.
    """
    rng = np.random.default_rng(seed)
    for _ in range(1000):
        drawn, effects = _attempt(rng)
        if effects < len(drawn.data):
            return drawn
    raise RuntimeError(f"seed {seed} gave no model with fewer effects than rows")


def _attempt(rng: Rng) -> tuple[Drawn, int]:
    """A model, and how many effects and coefficients it has."""
    n = int(rng.choice([rng.integers(12, 40), rng.integers(40, 120), rng.integers(120, 400)]))
    factors, traits = _draw_factors(rng, n)
    x = rng.normal(size=n)
    data = pd.DataFrame({"x": x, "v": rng.normal(size=n) * 3 + rng.choice([0, 5, 1e4])})
    data["z"] = rng.normal(size=int(factors[0].max()) + 1)[factors[0]]
    data["c"] = np.array(["a", "b", "d"])[rng.integers(0, 3, n)]
    for i, codes in enumerate(factors):
        data[f"g{i}"] = [f"l{c}" for c in codes]
    terms, effects, eta = [], 0, rng.normal(size=n)
    again = [int(rng.integers(len(factors)))] if rng.random() < 0.2 else []
    order = [*range(len(factors)), *again]
    for position, i in enumerate(order):
        taken = position >= len(factors)
        text, slopes, intercept = _term(rng, f"g{i}", taken)
        Z = _slope_columns(data, slopes, intercept)
        part, trait = _effects(rng, factors[i], Z)
        eta += part
        terms.append(text)
        effects += Z.shape[1] * (int(factors[i].max()) + 1)
        traits += [trait] if trait else []
        traits += ["constant slope"] if "z" in slopes and i == 0 else []
    fixed = ["1", *(s for s in ("x", "v", "z", "c") if rng.random() < 0.4)]
    if rng.random() < 0.04:
        fixed.append("g0")
        traits.append("factor among fixed effects")
    weighted = rng.random() < 0.25
    data["w"] = rng.uniform(0.5, 2, n) if rng.random() < 0.7 else 10.0 ** rng.uniform(-3, 3, n)
    data["y"] = (eta + 0.5 * x) * 10.0 ** rng.uniform(-3, 3) + rng.choice([0.0, 100.0])
    p = 1 + len(fixed) + int(factors[0].max()) * ("g0" in fixed)
    formula = f"y ~ {' + '.join([*fixed, *terms])}"
    reml = bool(rng.random() < 0.6)
    return Drawn(formula, data, bool(weighted), reml, tuple(dict.fromkeys(traits))), effects + p + 2
