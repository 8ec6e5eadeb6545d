"""Where rounding takes more digits than usual, and why: said, since it cannot be undone.

Squares of a column enter the cross-products. What distinguishes levels is then the difference of
numbers that agree in their first digits; where the model allows it the columns are centred
(`nestwise.core.centred`), and where it does not the user is told.
"""

from __future__ import annotations

from math import log10

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.diagnostic import Diagnostic
from nestwise.design.model import Design, RandomTerm

FAR = 1e4
"""Mean of a column, in its standard deviations, from which its lost digits are told."""

LARGE = 1e4
"""Relative standard deviation from which the residual variance is hard to see."""


def lost_digits(design: Design, par: FloatArray) -> tuple[Diagnostic, ...]:
    """Diagnostics for covariates far from zero that cannot be centred, and for huge variances.

    Parameters
    ----------
    design : Design
        Gives the columns of the random terms.
    par : (d,) float64
        Relative standard deviations at the optimum, columns scaled.
    """
    found = [_far_columns(term, design.factors[term.factor].name) for term in design.terms]
    out = [diagnostic for diagnostics in found for diagnostic in diagnostics]
    largest = float(np.abs(par).max())
    if largest > LARGE:
        out.append(_huge(largest))
    return tuple(out)


def _far_columns(term: RandomTerm, group: str) -> list[Diagnostic]:
    if term.structure == "us" and len(term.Z) > 1 and sum(c is None for c in term.Z) == 1:
        return []  # centred inside
    out = []
    for name, column in zip(term.columns, term.Z, strict=True):
        if column is None:
            continue
        square = float(column.sum()) ** 2 / len(column)
        rest = float(np.vdot(column, column)) - square
        if square > FAR**2 * rest:
            spread = float(column.std())
            if spread > 0.0 and abs(float(column.mean())) > FAR * spread:
                out.append(_far(name, group, abs(float(column.mean())) / spread))
    return out


def _far(name: str, group: str, distance: float) -> Diagnostic:
    return Diagnostic(
        "digits",
        f"The random slope of {name} by {group} has no intercept that it may be correlated with, "
        f"and {name} lies {distance:.2g} standard deviations from zero: about "
        f"{2.0 * log10(distance):.0f} of 16 digits are lost.",
        f"Subtract a typical value from {name}. In this model that is a choice of meaning too: "
        "the slope then varies about that value and not about zero.",
    )


def _huge(largest: float) -> Diagnostic:
    return Diagnostic(
        "digits",
        f"A random effect's standard deviation is {largest:.2g} times the residual's, so that "
        f"criterion and standard errors hold about {max(16.0 - 2.0 * log10(largest), 1.0):.0f} "
        "digits.",
        "Check that the response is not all but determined by a grouping factor.",
    )
