"""The block of variances, standard deviations and correlations of the random effects."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nestwise._base.table import Table
from nestwise.present.matrixtext import matrix_lines
from nestwise.present.rformat import format_numbers


@dataclass(frozen=True, slots=True)
class _Rows:
    """The variances of one term and, below the first, the correlations with those before."""

    group: str
    names: list[str]
    variances: list[float]
    sds: list[float]
    correlations: list[list[float]]


def random_effects_lines(varcorr: Table, digits: int = 4) -> list[str]:
    """Lay out variance components as lme4's summary does.

    Parameters
    ----------
    varcorr : Table
        ``group var1 var2 vcov sdcor`` with the residual in the last row.
    digits : int
        Significant digits of the smallest variance and standard deviation.

    Returns
    -------
    list of str

    Examples
    --------
    >>> import numpy as np
    >>> vc = Table({"group": np.array(["g", "Residual"]), "var1": np.array(["(Intercept)", None]),
    ...     "var2": np.array([None, None]), "vcov": np.array([4.0, 9.0]),
    ...     "sdcor": np.array([2.0, 3.0])})
    >>> print(*random_effects_lines(vc), sep="\\n")
     Groups   Name        Variance Std.Dev.
     g        (Intercept) 4        2
     Residual             9        3
    """
    terms = _terms(varcorr)
    columns = [
        ("Groups", [t.group if i == 0 else "" for t in terms for i in range(len(t.names))]),
        ("Name", [name for t in terms for name in t.names]),
        ("Variance", format_numbers([v for t in terms for v in t.variances], digits)),
        ("Std.Dev.", format_numbers([v for t in terms for v in t.sds], digits)),
    ]
    columns += _correlation_columns(terms)
    return matrix_lines([""] * len(columns[0][1]), columns, left=[c[0] for c in columns])


def _terms(varcorr: Table) -> list[_Rows]:
    terms: list[_Rows] = []
    columns = (varcorr[c] for c in ("group", "var1", "var2", "vcov", "sdcor"))
    for group, var1, var2, vcov, sdcor in zip(*columns, strict=True):
        if var2 is not None:
            terms[-1].correlations[terms[-1].names.index(var2)].append(float(sdcor))
            continue
        if not terms or terms[-1].group != group:
            terms.append(_Rows(str(group), [], [], [], []))
        terms[-1].names.append("" if var1 is None else str(var1))
        terms[-1].variances.append(float(vcov))
        terms[-1].sds.append(float(sdcor))
        terms[-1].correlations.append([])
    return terms


def _correlation_columns(terms: Sequence[_Rows]) -> list[tuple[str, list[str]]]:
    n_columns = max((len(c) for t in terms for c in t.correlations), default=0)
    rows = [row for t in terms for row in _correlation_texts(t)]
    return [
        ("Corr" if j == 0 else "", [row[j] if j < len(row) else "" for row in rows])
        for j in range(n_columns)
    ]


def _correlation_texts(term: _Rows) -> list[list[str]]:
    """Two decimals, padded to a common width within the term."""
    texts = [["NaN" if math.isnan(v) else f"{v:.2f}" for v in row] for row in term.correlations]
    size = max([4, *(len(t) for row in texts for t in row)])
    return [[t.rjust(size) for t in row] for row in texts]


__all__ = ["random_effects_lines"]
