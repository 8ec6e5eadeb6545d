"""The likelihood ratio of two models on data simulated under the smaller one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import NestwiseError
from nestwise.core.cells import draw as draw_cells
from nestwise.core.cells import make_cells, statistics
from nestwise.core.lmm import term_lambdas
from nestwise.fit.refitter import Refit, make_refitter, refit_statistics
from nestwise.inference.kinds import GlmmFit, LmFit, LmmFit, PlainFit
from nestwise.inference.refitting import first_fit, generalised_refitter
from nestwise.inference.residuals import fixed_part
from nestwise.inference.simulate import draw, generator

NOTHING = -1e-6
"""A statistic below this, relative to one plus the deviance, means that a refit went astray."""


def deviance_of(fit: PlainFit | GlmmFit) -> float:
    """-2 log-likelihood of a fit by maximum likelihood.

    Examples
    --------
    >>> import nestwise as nw
    >>> round(deviance_of(nw.lm("Reaction ~ Days", nw.load_dataset("sleepstudy")).fit), 2)
    1900.29
    """
    return -2.0 * fit.loglik if isinstance(fit, LmFit) else fit.criterion


def deviance_refitter(fit: PlainFit | GlmmFit) -> Callable[[FloatArray], float]:
    """From a response to the deviance of the model refitted to it; NaN without convergence.

    Examples
    --------
    >>> import nestwise as nw
    >>> fit = nw.lm("Reaction ~ Days", nw.load_dataset("sleepstudy")).fit
    >>> abs(deviance_refitter(fit)(fit.design.y) - deviance_of(fit)) < 1e-8
    True
    """
    if isinstance(fit, LmmFit):
        refitter = make_refitter(fit)

        return lambda y: _deviance(refitter.fit_response(y))
    if isinstance(fit, GlmmFit):
        again = generalised_refitter(fit)

        def by_laplace(y: FloatArray) -> float:
            found = again(y)
            return found.criterion if found.converged else float("nan")

        return by_laplace
    design, n = fit.design, len(fit.design.y)
    weights = np.ones(n) if design.weights is None else design.weights
    Q = np.linalg.qr(design.fixed.X * np.sqrt(weights)[:, None])[0]
    constant = n * (1.0 + float(np.log(2.0 * np.pi / n))) - float(np.log(weights).sum())

    def by_projection(y: FloatArray) -> float:
        moved = (y if design.offset is None else y - design.offset) * np.sqrt(weights)
        left = moved - Q @ (Q.T @ moved)
        return constant + n * float(np.log(left @ left))

    return by_projection


def statistic_maker(
    small: PlainFit | GlmmFit, large: PlainFit | GlmmFit, seed: int
) -> Callable[[int], FloatArray]:
    """From the number of a replicate to its likelihood ratio, NaN where a refit failed.

    Examples
    --------
    >>> import nestwise as nw
    >>> data = nw.load_dataset("sleepstudy")
    >>> m0, m1 = nw.lm("Reaction ~ 1", data), nw.lm("Reaction ~ Days", data)
    >>> bool(statistic_maker(m0.fit, m1.fit, 1)(0)[0] >= 0.0)
    True
    """
    pair = _by_cells(small, large) or _by_rows(small, large)

    def one(r: int) -> FloatArray:
        try:
            smaller, larger = pair(generator(seed, r))
        except NestwiseError:
            return np.array([np.nan])
        value = smaller - larger
        astray = value < NOTHING * (1.0 + abs(smaller))
        return np.array([np.nan if astray else max(value, 0.0)])

    return one


Deviances = Callable[[np.random.Generator], tuple[float, float]]


def _by_rows(small: PlainFit | GlmmFit, large: PlainFit | GlmmFit) -> Deviances:
    """Deviances of both models refitted to one response."""
    mean = fixed_part(small)
    again0, again1 = deviance_refitter(small), deviance_refitter(large)

    def pair(rng: np.random.Generator) -> tuple[float, float]:
        y = draw(small, mean, rng)
        return again0(y), again1(y)

    return pair


def _by_cells(small: PlainFit | GlmmFit, large: PlainFit | GlmmFit) -> Deviances | None:
    """The same from drawn cross-products, where that is possible and less work."""
    if not (isinstance(small, LmmFit) and isinstance(large, LmmFit)):
        return None
    if not _same_offset(small, large):
        return None
    refitters = make_refitter(small), make_refitter(large)
    made = [refitter.problems for refitter in refitters]
    cells = make_cells([one.arrays for one in made])
    if cells is None:
        return None
    lambdas = term_lambdas(made[0].working, small.working_theta)
    taken = [first_fit(one.working) for one in made]
    beta = small.beta - taken[0]
    shift = np.zeros(cells.gram.shape[1])
    shift[cells.models[1].x_at] += taken[1]
    shift[cells.models[0].x_at] -= taken[0]

    def pair(rng: np.random.Generator) -> tuple[float, float]:
        drawn = draw_cells(cells, 0, beta, lambdas, small.sigma, rng)
        first, second = (
            refit_statistics(refitter, statistics(cells, i, made[i].working, drawn, moved))
            for i, (refitter, moved) in enumerate(zip(refitters, (None, shift), strict=True))
        )
        return _deviance(first), _deviance(second)

    return pair


def _deviance(found: Refit) -> float:
    return found.criterion if found.converged else float("nan")


def _same_offset(small: LmmFit, large: LmmFit) -> bool:
    a, b = small.design.offset, large.design.offset
    return (a is None) == (b is None) and (a is None or b is None or np.array_equal(a, b))


__all__ = ["deviance_of", "deviance_refitter", "statistic_maker"]
