"""The criterion as a function of theta, for those who want to look at it themselves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import OptionError
from nestwise.core.lmm import evaluate
from nestwise.core.problem import Problem, build_problem
from nestwise.design.check import check_grouping
from nestwise.design.model import Design
from nestwise.fit.assemble import model_arrays


@dataclass(frozen=True, slots=True, eq=False)
class DevianceFunction:
    """Profiled REML criterion or -2 log-likelihood by theta (lme4's ``devFunOnly``).

    Parameters
    ----------
    problem : Problem
        The cross-products.
    reml : bool
        Which criterion.
    start : (m,) float64
        lme4's starting values: one on diagonals, zero elsewhere.
    names : tuple of str
        Names of theta, as lme4's ``getME(m, "theta")``: ``"Subject.Days.(Intercept)"``.
    """

    problem: Problem
    reml: bool
    start: FloatArray
    names: tuple[str, ...]

    def value(self, theta: FloatArray) -> float:
        """The criterion at `theta` (m values, user's units, lme4's order)."""
        return evaluate(self.problem, _checked(self, theta), self.reml, 0).criterion

    def gradient(self, theta: FloatArray) -> FloatArray:
        """(m,) exact derivative of `value` at `theta`."""
        return evaluate(self.problem, _checked(self, theta), self.reml, 1).gradient


def _checked(function: DevianceFunction, theta: FloatArray) -> FloatArray:
    try:
        values = np.asarray(theta, dtype=np.float64)
    except (TypeError, ValueError):
        raise OptionError(f"theta={theta!r} is not made of numbers") from None
    if values.shape != function.start.shape or not np.isfinite(values).all():
        raise OptionError(
            f"theta has shape {values.shape}; this model needs {len(function.start)} finite "
            f"values: {', '.join(function.names)}"
        )
    return values


def theta_names(design: Design, problem: Problem) -> tuple[str, ...]:
    """Names of theta: the factor, the row's effect and, off the diagonal, the column's."""
    out, at = [], 0
    for term, block in zip(design.terms, problem.terms, strict=True):
        group = design.factors[term.factor].name
        while at < len(problem.entries):
            f, r, c = (int(v) for v in problem.entries[at])
            row, column = r - block.first, c - block.first
            if f != block.factor or not (0 <= column < block.k and 0 <= row < block.k):
                break
            tail = "" if row == column else f".{term.columns[column]}"
            out.append(f"{group}.{term.columns[row]}{tail}")
            at += 1
    return tuple(out)


def deviance_function(design: Design, reml: bool = True) -> DevianceFunction:
    """The criterion of a design as a function of theta.

    Parameters
    ----------
    design : Design
        With at least one random-effects term.
    reml : bool
        REML criterion, else -2 log-likelihood.
    """
    check_grouping(design)
    problem = build_problem(model_arrays(design))
    start = (problem.entries[:, 1] == problem.entries[:, 2]).astype(np.float64)
    return DevianceFunction(problem, reml, start, theta_names(design, problem))
