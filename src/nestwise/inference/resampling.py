"""How bootstrap replicates come about: parametric, from residuals, from whole groups.

Source: Carpenter, Goldstein & Rasbash (2003), Applied Statistics 52, 431-443 (residual bootstrap
with transformed residuals); Davison & Hinkley (1997), Bootstrap Methods, section 3.8 (cases).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from nestwise._base.arrays import FloatArray, IntArray
from nestwise._base.errors import NestwiseError, OptionError, one_of
from nestwise.core.semidefinite import semidefinite_factor
from nestwise.core.structures.registry import STRUCTURES
from nestwise.design.model import Design
from nestwise.inference.kinds import EquationsFit, GlmmFit, LmmFit, MixedFit, StructuredFit
from nestwise.inference.parameters import fit_parameters
from nestwise.inference.refitting import (
    Refitted,
    refit_rows,
    response_refitter,
    simulating_refitter,
    take_rows,
)
from nestwise.inference.residuals import fixed_part, random_part, residuals
from nestwise.inference.simulate import generator

METHODS = ("parametric", "residual", "cases")

Replicate = Callable[[int], Refitted]
"""From the number of a replicate to its refit; raises NestwiseError where it cannot be fitted."""


def replicate_maker(fit: MixedFit, method: str, entropy: int) -> Replicate:
    """The function that makes replicate number r, whoever calls it and in whatever order.

    Parameters
    ----------
    fit : LmmFit, GlmmFit or StructuredFit
        The fit.
    method : str
        ``"parametric"``, ``"residual"`` or ``"cases"``.
    entropy : int
        The seed.

    Raises
    ------
    OptionError
        When the method is not known, or groups are to be drawn and factors are crossed.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> make = replicate_maker(m.fit, "parametric", 1)
    >>> make(0).values.size, bool((make(3).values == make(3).values).all())
    (6, True)
    """
    check_method(fit, method)
    listed = fit_parameters(fit)
    if method == "parametric":
        simulated = simulating_refitter(fit, listed)
        return lambda r: simulated(generator(entropy, r))
    assert not isinstance(fit, StructuredFit)
    if method == "cases":
        return _cases(fit, entropy)
    assert isinstance(fit, LmmFit)
    again, mean = response_refitter(fit, listed), fixed_part(fit)
    effects, errors = transformed_residuals(fit)

    def from_residuals(r: int) -> Refitted:
        rng, y = generator(entropy, r), mean.copy()
        for t, b in enumerate(effects):
            y += random_part(fit.design, t, b[rng.integers(len(b), size=len(b))])
        e = errors[rng.integers(len(errors), size=len(errors))]
        y += e if fit.design.weights is None else e / np.sqrt(fit.design.weights)
        return again(y)

    return from_residuals


def check_method(fit: MixedFit, method: str) -> None:
    """Refuse a method that is unknown, or that this kind of fit does not have.

    Raises
    ------
    OptionError
        Saying which methods it has.
    """
    one_of("method", method, METHODS)
    if method == "residual" and isinstance(fit, GlmmFit):
        raise OptionError(
            "method='residual' resamples residuals, which only linear models have: the responses "
            "of a generalised one are drawn from its family; use method='parametric' or 'cases'"
        )
    if method != "parametric" and isinstance(fit, StructuredFit):
        raise OptionError(
            f"method={method!r} is not there for structured residuals; use method='parametric'"
        )


def transformed_residuals(fit: LmmFit) -> tuple[tuple[FloatArray, ...], FloatArray]:
    """Modes and residuals, centred and inflated to the estimated (co)variances.

    Conditional modes vary less than the random effects that they predict; drawn as they are they
    would make the variances too small.

    Returns
    -------
    tuple of (n_levels, k) float64
        Modes of each term whose mean square is the estimated covariance.
    (n,) float64
        Residuals times the root of their weights, with mean square sigma^2.

    Source
    ------
    Carpenter, Goldstein & Rasbash (2003), section 3.2.

    Examples
    --------
    >>> import numpy as np
    >>> import nestwise as nw
    >>> m = nw.lmer("Yield ~ 1 + (1 | Batch)", nw.load_dataset("Dyestuff"))
    >>> (b,), e = transformed_residuals(m.fit)
    >>> bool(np.isclose(np.mean(e**2), m.sigma**2)), bool(np.isclose(np.std(b), 42.0006, 1e-5))
    (True, True)
    """
    effects = []
    for term, modes, L in zip(fit.design.terms, fit.modes, fit.lambdas, strict=True):
        centred = modes - modes.mean(axis=0)
        target = fit.sigma * L
        if not STRUCTURES[term.structure].correlated:
            size = np.sqrt((centred**2).mean(axis=0))
            ratio = np.zeros(len(size))
            np.divide(np.abs(target.diagonal()), size, out=ratio, where=size > 0.0)
            effects.append(centred * ratio)
            continue
        spread = semidefinite_factor(centred.T @ centred / len(centred))
        effects.append(centred @ np.linalg.pinv(spread, rcond=1e-8).T @ target.T)
    e = residuals(fit, "pearson")
    e = e - e.mean()
    return tuple(effects), e * (fit.sigma / float(np.sqrt(np.mean(e**2))))


def top_factor(design: Design) -> int:
    """The outermost grouping factor, in which all others are nested.

    Raises
    ------
    OptionError
        When there is none: the factors are crossed.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("strength ~ 1 + (1 | batch/cask)", nw.load_dataset("Pastes"))
    >>> m.fit.design.factors[top_factor(m.fit.design)].name
    'batch'
    """
    top = len(design.factors) - 1
    outer = design.factors[top]
    for factor in design.factors[:top]:
        if not _nested(factor.codes, factor.n_levels, outer.codes):
            raise OptionError(
                f"method='cases' draws whole groups, but {factor.name} is not nested in "
                f"{outer.name}; use method='parametric'"
            )
    return top


def _nested(inner: IntArray, n_levels: int, outer: IntArray) -> bool:
    parent = np.zeros(n_levels, dtype=outer.dtype)
    parent[inner] = outer
    return bool((parent[inner] == outer).all())


def group_rows(codes: IntArray, n_levels: int) -> list[NDArray[np.intp]]:
    """The rows of each level.

    Examples
    --------
    >>> import numpy as np
    >>> [rows.tolist() for rows in group_rows(np.array([1, 0, 1], dtype=np.int32), 2)]
    [[1], [0, 2]]
    """
    order = np.argsort(codes, kind="stable")
    return np.split(order, np.cumsum(np.bincount(codes, minlength=n_levels))[:-1])


def _cases(fit: EquationsFit, entropy: int) -> Replicate:
    design, listed = fit.design, fit_parameters(fit)
    top = design.factors[top_factor(design)]
    groups = group_rows(top.codes, top.n_levels)

    def from_groups(r: int) -> Refitted:
        drawn = generator(entropy, r).integers(top.n_levels, size=top.n_levels)
        rows = np.concatenate([groups[g] for g in drawn])
        copies = np.repeat(np.arange(top.n_levels), [len(groups[g]) for g in drawn])
        return refit_rows(fit, take_rows(design, rows, copies), listed)

    return from_groups


def leave_one_out(fit: EquationsFit) -> FloatArray:
    """(n_fitted, q) parameters without each level of the factor with the fewest levels.

    Levels without which the model cannot be fitted are left out.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Yield ~ 1 + (1 | Batch)", nw.load_dataset("Dyestuff"))
    >>> leave_one_out(m.fit).shape
    (6, 3)
    """
    design, listed = fit.design, fit_parameters(fit)
    top = design.factors[-1]
    out = []
    for level in range(top.n_levels):
        rows = np.flatnonzero(top.codes != level)
        try:
            out.append(refit_rows(fit, take_rows(design, rows), listed).values)
        except NestwiseError:
            continue
    return np.array(out).reshape(len(out), len(listed))


__all__ = [
    "METHODS",
    "Replicate",
    "check_method",
    "group_rows",
    "leave_one_out",
    "replicate_maker",
    "top_factor",
    "transformed_residuals",
]
