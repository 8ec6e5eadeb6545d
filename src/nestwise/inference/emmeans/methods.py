"""Families of contrasts among the means of one group: what is compared with what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import OptionError, did_you_mean

NAMED = (
    "pairwise",
    "revpairwise",
    "trt.vs.ctrl",
    "trt.vs.ctrl1",
    "trt.vs.ctrlk",
    "eff",
    "del.eff",
    "consec",
    "mean_chg",
    "poly",
    "identity",
)
DEGREES = ("linear", "quadratic", "cubic", "quartic")


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """Contrasts of k means.

    Parameters
    ----------
    names : tuple of tuple of str
        What each is made of: a single name, or the two sides of a difference.
    weights : (c, k) float64
        One contrast a row.
    adjust : str
        Adjustment of the p values that fits this family.
    all_pairs : bool
        Whether these are all differences of k means, for which Tukey's method is made.
    """

    names: tuple[tuple[str, ...], ...]
    weights: FloatArray
    adjust: str
    all_pairs: bool = False


def family(method: Any, levels: Sequence[str]) -> Family:
    """The contrasts that a method makes of means with these labels.

    Parameters
    ----------
    method : str, mapping of str to (k,) weights, or (c, k) array
        A name in `NAMED` (underscores may stand for dots), or the weights themselves.
    levels : sequence of str
        Labels of the k means.

    Returns
    -------
    Family

    Raises
    ------
    OptionError
        When the method is not known, or the weights do not fit k means.

    Examples
    --------
    >>> family("pairwise", ["a", "b", "c"]).names
    (('a', 'b'), ('a', 'c'), ('b', 'c'))
    >>> family("poly", ["1", "2", "3"]).weights.tolist()
    [[-1.0, 0.0, 1.0], [1.0, -2.0, 1.0]]
    """
    if not isinstance(method, str):
        return _given(method, len(levels))
    known = {name.replace("_", "."): name for name in NAMED}
    word = known.get(method.replace("_", "."))
    if word is None:
        raise OptionError(f"method={method!r} is not known{did_you_mean(method, NAMED)}")
    k = len(levels)
    identity = np.eye(k)
    if word in ("pairwise", "revpairwise"):
        return _pairs(levels, word == "revpairwise")
    if word == "identity":
        return Family(tuple((label,) for label in levels), identity, "none")
    if word == "poly":
        weights = polynomials(k)
        names = [DEGREES[i] if i < 4 else f"degree {i + 1}" for i in range(len(weights))]
        return Family(tuple((name,) for name in names), weights, "none")
    if word in ("eff", "del.eff"):
        away = identity - 1.0 / k if word == "eff" else (k * identity - 1.0) / max(k - 1, 1)
        return Family(tuple((f"{label} effect",) for label in levels), away, "fdr")
    if word == "mean_chg":
        return _mean_changes(levels)
    return _differences(word, levels)


def _pairs(levels: Sequence[str], reverse: bool) -> Family:
    k = len(levels)
    pairs = [(i, j) for i in range(k) for j in range(i + 1, k)]
    if reverse:
        pairs = [(j, i) for j in range(k) for i in range(j)]
        pairs = [(a, b) for a, b in pairs]
    weights = np.zeros((len(pairs), k))
    for row, (a, b) in enumerate(pairs):
        weights[row, a], weights[row, b] = 1.0, -1.0
    return Family(tuple((levels[a], levels[b]) for a, b in pairs), weights, "tukey", True)


def _differences(word: str, levels: Sequence[str]) -> Family:
    """Each against a control, or against the one before it."""
    k = len(levels)
    if word == "consec":
        pairs = [(i, i - 1) for i in range(1, k)]
    else:
        control = k - 1 if word == "trt.vs.ctrlk" else 0
        pairs = [(i, control) for i in range(k) if i != control]
    weights = np.zeros((len(pairs), k))
    for row, (a, b) in enumerate(pairs):
        weights[row, a], weights[row, b] = 1.0, -1.0
    return Family(tuple((levels[a], levels[b]) for a, b in pairs), weights, "mvt")


def _mean_changes(levels: Sequence[str]) -> Family:
    """Mean of the later levels less the mean of the earlier ones, at every cut."""
    k = len(levels)
    weights = np.array([[-1.0 / i] * i + [1.0 / (k - i)] * (k - i) for i in range(1, k)])
    names = tuple((f"{levels[i - 1]}|{levels[i]}",) for i in range(1, k))
    return Family(names, weights.reshape(len(names), k), "mvt")


def polynomials(k: int) -> FloatArray:
    """Orthogonal polynomials of k equally spaced levels in whole numbers, up to degree six.

    Examples
    --------
    >>> polynomials(4)[0].tolist()
    [-3.0, -1.0, 1.0, 3.0]
    """
    x = np.arange(k) - (k - 1) / 2.0
    q, _ = np.linalg.qr(np.vander(x, min(k, 7), increasing=True))
    rows = []
    for column in q.T[1:]:
        scaled = column / np.abs(column[np.abs(column) > 1e-9]).min()
        times = next(
            (m for m in range(1, 1001) if np.abs(m * scaled - np.round(m * scaled)).max() < 1e-6), 1
        )
        whole = times * scaled * np.sign(column[-1])
        rounded = np.round(whole) + 0.0
        rows.append(rounded if np.abs(whole - rounded).max() < 1e-6 else whole)
    return np.array(rows).reshape(len(rows), k)


def _given(method: Any, k: int) -> Family:
    """Weights that the caller wrote down."""
    if isinstance(method, Mapping):
        names, values = [str(name) for name in method], list(method.values())
    else:
        values = list(np.atleast_2d(np.asarray(method, dtype=object)))
        names = [f"C{i + 1}" for i in range(len(values))]
    if not values:
        raise OptionError("method: there are no contrasts in it; give at least one")
    rows = []
    for name, value in zip(names, values, strict=True):
        try:
            row = np.array(value, dtype=np.float64)
        except (TypeError, ValueError):
            raise OptionError(f"contrast {name!r}: {value!r} is not made of numbers") from None
        if row.shape != (k,):
            raise OptionError(
                f"contrast {name!r} has {row.size} weights, but there are {k} means; give one for "
                "each, in the order of the table"
            )
        if not np.isfinite(row).all():
            raise OptionError(f"contrast {name!r} has weights that are missing or infinite")
        rows.append(row)
    return Family(tuple((name,) for name in names), np.array(rows), "none")
