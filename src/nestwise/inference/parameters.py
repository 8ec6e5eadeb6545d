"""Standard deviations, correlations, sigma and fixed effects as one named vector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import OptionError
from nestwise.design.model import Design

Kind = Literal["sd", "cor", "sigma", "beta"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter on the reported scale.

    Parameters
    ----------
    name : str
        As lme4's ``confint(..., oldNames = FALSE)``: ``"sd_Days|Subject"``,
        ``"cor_Days.(Intercept)|Subject"``, ``"sigma"``, or a coefficient.
    kind : str
        ``"sd"``, ``"cor"``, ``"sigma"`` or ``"beta"``.
    term : int
        Position in ``design.terms``; -1 for sigma and coefficients.
    row, column : int
        Effects within the term: equal for a standard deviation, ``row > column`` for a
        correlation. For a coefficient `row` is its position.
    """

    name: str
    kind: Kind
    term: int
    row: int
    column: int


def parameters(design: Design) -> tuple[Parameter, ...]:
    """The parameters of a mixed model, in lme4's order: theta, sigma, fixed effects.

    Parameters
    ----------
    design : Design
        With terms of general (``us``) or diagonal (``diag``) structure.

    Raises
    ------
    OptionError
        When a term has another structure: it has no standard deviations and correlations of its
        own that could vary freely.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> [p.name for p in parameters(m.fit.design)][:3]
    ['sd_(Intercept)|Subject', 'cor_Days.(Intercept)|Subject', 'sd_Days|Subject']
    """
    out: list[Parameter] = []
    for t, term in enumerate(design.terms):
        if term.structure not in ("us", "diag"):
            raise OptionError(
                f"intervals by profile or bootstrap know terms with free or no correlations, not "
                f"{term.structure!r} (random effects by {design.factors[term.factor].name}); use "
                "method='wald' for the fixed effects"
            )
        group, k = design.factors[term.factor].name, len(term.columns)
        for c in range(k):
            out.append(Parameter(f"sd_{term.columns[c]}|{group}", "sd", t, c, c))
            for r in range(c + 1, k if term.structure == "us" else 0):
                name = f"cor_{term.columns[r]}.{term.columns[c]}|{group}"
                out.append(Parameter(name, "cor", t, r, c))
    out.append(Parameter("sigma", "sigma", -1, 0, 0))
    fixed = design.fixed.names
    return (*out, *(Parameter(name, "beta", -1, j, j) for j, name in enumerate(fixed)))


def parameter_values(
    listed: tuple[Parameter, ...], lambdas: tuple[FloatArray, ...], sigma: float, beta: FloatArray
) -> FloatArray:
    """(q,) values of `parameters` from relative Cholesky factors, sigma and coefficients.

    A correlation with an effect that does not vary is NaN.

    Examples
    --------
    >>> import numpy as np
    >>> p = (Parameter("sd", "sd", 0, 0, 0), Parameter("sigma", "sigma", -1, 0, 0))
    >>> parameter_values(p, (np.array([[0.5]]),), 2.0, np.empty(0)).tolist()
    [1.0, 2.0]
    """
    rows = [[float(v) for v in np.sqrt((L**2).sum(axis=1))] for L in lambdas]
    out = np.empty(len(listed))
    for i, one in enumerate(listed):
        if one.kind == "sd":
            out[i] = sigma * rows[one.term][one.row]
        elif one.kind == "cor":
            L, sizes = lambdas[one.term], rows[one.term]
            scale = sizes[one.row] * sizes[one.column]
            product = float(L[one.row] @ L[one.column])
            out[i] = min(max(product / scale, -1.0), 1.0) if scale > 0.0 else np.nan
        else:
            out[i] = sigma if one.kind == "sigma" else beta[one.row]
    return out


__all__ = ["Kind", "Parameter", "parameter_values", "parameters"]
