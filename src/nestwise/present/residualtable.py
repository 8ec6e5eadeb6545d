"""The covariance of the residuals by visit, laid out as random effects are."""

from __future__ import annotations

import numpy as np

from nestwise._base.table import Table
from nestwise.fit.structured_result import StructuredFit
from nestwise.inference.structured.parameters import residual_covariance, residual_parameters
from nestwise.present.randomtable import random_effects_lines
from nestwise.present.rformat import cat, signif

MOST = 15
"""Visits up to which the correlations are shown."""


def residual_lines(fit: StructuredFit) -> list[str]:
    """A title, and a table by visit where each has a variance, or else the parameters by name.

    Parameters
    ----------
    fit : StructuredFit
        The fit.

    Returns
    -------
    list of str

    Examples
    --------
    >>> import nestwise as nw
    >>> fev = nw.load_dataset("fev_data")
    >>> m = nw.gls("FEV1 ~ ARMCD * AVISIT", fev, residual="us(AVISIT | USUBJID)")
    >>> print(*(line.rstrip() for line in residual_lines(m.fit)), sep="\\n")
    Residuals by visit:
     Groups  Name Variance Std.Dev. Corr
     USUBJID VIS1  45.13    6.718
             VIS2  30.05    5.482   0.51
             VIS3  20.44    4.521   0.32 0.28
             VIS4 102.64   10.131   0.28 0.23 0.19
    """
    part, errors = fit.design.residual, fit.problem.arrays.errors
    structure = errors.structure
    if part is None or structure is None or part.request.variance is not None:
        return ["Residual parameters:", *_parameter_lines(fit)]
    if not structure.heterogeneous or errors.n_visits > MOST or part.subject is None:
        return ["Residual parameters:", *_parameter_lines(fit)]
    return ["Residuals by visit:", *random_effects_lines(_as_effects(fit, part.subject.name))]


def _as_effects(fit: StructuredFit, subject: str) -> Table:
    """`residual_covariance` with the columns of `varcorr`: variances, then correlations, by arm."""
    table = residual_covariance(fit)
    rows = []
    for arm in dict.fromkeys(table["arm"]):
        own = np.flatnonzero(table["arm"] == arm)
        first, second = table["visit1"][own], table["visit2"][own]
        for i in own[first == second]:
            sd = float(np.sqrt(table["vcov"][i]))
            rows.append((arm or subject, table["visit1"][i], None, table["vcov"][i], sd))
        for i in own[first != second]:
            values = table["vcov"][i], table["cor"][i]
            rows.append((arm or subject, table["visit1"][i], table["visit2"][i], *values))
    names = ("group", "var1", "var2", "vcov", "sdcor")
    columns = dict(zip(names, zip(*rows, strict=True), strict=True))
    return Table({name: np.array(values, dtype=object) for name, values in columns.items()})


def _parameter_lines(fit: StructuredFit) -> list[str]:
    """Names and values in two columns, by arm where arms differ."""
    table = residual_parameters(fit)
    names = [
        f"{term} ({arm})" if arm else str(term)
        for term, arm in zip(table["term"], table["arm"], strict=True)
    ]
    values = [cat(signif(float(v), 5)) for v in table["estimate"]]
    left, right = max(map(len, names)), max(map(len, values))
    return [f" {n:<{left}}  {v:>{right}}" for n, v in zip(names, values, strict=True)]
