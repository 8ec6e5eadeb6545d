"""Parametric bootstrap of a fit with structured residuals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import NestwiseError
from nestwise.core.residual.structure import ResidualStructure
from nestwise.core.structures.registry import STRUCTURES
from nestwise.core.structures.structure import Pattern
from nestwise.fit.structured import refit_structured
from nestwise.fit.structured_arrays import residual_structure
from nestwise.fit.structured_result import StructuredFit
from nestwise.inference.parameters import fit_parameters, parameter_values
from nestwise.inference.residuals import fixed_part
from nestwise.inference.simulate import draw, generator

FINE, SINGULAR, FAILED = 0, 1, 2


def detached(fit: StructuredFit) -> StructuredFit:
    """The fit without its structures, whose functions cannot be sent to a process."""
    return _with_structures(fit, None, [None] * len(fit.design.terms))


def attached(fit: StructuredFit) -> StructuredFit:
    """The fit with the structures that its design names, as it was."""
    patterns = [STRUCTURES[term.structure].pattern for term in fit.design.terms]
    return _with_structures(fit, residual_structure(fit.design.residual), patterns)


def _with_structures(
    fit: StructuredFit, structure: ResidualStructure | None, patterns: Sequence[Pattern | None]
) -> StructuredFit:
    arrays = fit.problem.arrays
    errors = replace(arrays.errors, structure=structure)
    effects = tuple(
        replace(term, pattern=pattern)
        for term, pattern in zip(arrays.effects, patterns, strict=True)
    )
    changed = replace(arrays, errors=errors, effects=effects)
    return replace(fit, problem=replace(fit.problem, arrays=changed))


@dataclass(frozen=True, slots=True, eq=False)
class StructuredTask:
    """One bootstrap, as it is sent to a worker: `fit` is detached."""

    fit: StructuredFit
    seed: int

    def begin(self) -> Callable[[int], FloatArray]:
        """A function from the number of a replicate to its row."""
        return structured_row_maker(attached(self.fit), self.seed)


def structured_row_maker(fit: StructuredFit, seed: int) -> Callable[[int], FloatArray]:
    """From the number of a replicate to its parameters and, last, its status.

    New random effects and residuals are drawn from their fitted distributions; the fit to them
    starts at the fitted parameters.

    Parameters
    ----------
    fit : StructuredFit
        The fit.
    seed : int
        Replicate r depends on it and r alone.

    Examples
    --------
    >>> import nestwise as nw
    >>> data = nw.load_dataset("sleepstudy")
    >>> m = nw.gls("Reaction ~ Days", data, residual="ar1(Days | Subject)")
    >>> structured_row_maker(m.fit, 1)(0).size
    5
    """
    listed, mean = fit_parameters(fit), fixed_part(fit)
    q = len(listed)

    def one(r: int) -> FloatArray:
        row = np.full(q + 1, np.nan)
        row[q] = FAILED
        try:
            found = refit_structured(fit, draw(fit, mean, generator(seed, r)))
        except NestwiseError:
            return row
        if found.verdict.converged:
            natural = found.natural.values
            row[:q] = parameter_values(
                listed, found.lambdas, found.sigma, found.beta, natural=natural
            )
            row[q] = SINGULAR if found.verdict.singular else FINE
        return row

    return one
