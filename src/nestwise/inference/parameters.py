"""Standard deviations, correlations, sigma and fixed effects as one named vector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.structures.registry import STRUCTURES
from nestwise.core.structures.structure import Pattern
from nestwise.design.model import Design
from nestwise.inference.kinds import GlmmFit, MixedFit, StructuredFit

Kind = Literal["sd", "cor", "sigma", "phi", "beta", "ratio", "rho", "share", "rate"]

OF_RESIDUALS: dict[str, Kind] = {
    "rho": "rho",
    "cor": "rho",
    "phi": "share",
    "nugget": "share",
    "power": "rate",
    "rate": "rate",
}
"""Kinds of the residuals' parameters by the beginnings of their names; others are ratios."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter on the reported scale.

    Parameters
    ----------
    name : str
        As lme4's ``confint(..., oldNames = FALSE)``: ``"sd_Days|Subject"``,
        ``"cor_Days.(Intercept)|Subject"``, ``"sigma"``, or a coefficient.
    kind : str
        ``"sd"``, ``"cor"``, ``"sigma"``, ``"phi"`` (the shape of a GLMM's family) or ``"beta"``;
        of structured residuals ``"ratio"`` (above zero), ``"rho"`` (a correlation), ``"share"``
        (between zero and one) or ``"rate"`` (any number).
    term : int
        Position in ``design.terms``; -1 for sigma and coefficients.
    row, column : int
        Effects within the term: equal for a standard deviation, ``row > column`` for a
        correlation. For a coefficient or a residuals' parameter `row` is its position.
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
        With random terms. A structured one has its own parameters: one standard deviation or
        several, ``"cor_rho|Subject"`` or ``"cor_lag1|Subject"`` and so on.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> [p.name for p in parameters(m.fit.design)][:3]
    ['sd_(Intercept)|Subject', 'cor_Days.(Intercept)|Subject', 'sd_Days|Subject']
    """
    out: list[Parameter] = []
    for t, term in enumerate(design.terms):
        group, k = design.factors[term.factor].name, len(term.columns)
        pattern = STRUCTURES[term.structure].pattern
        if pattern is not None:
            out += _structured(term.columns, group, t, pattern)
            continue
        for c in range(k):
            out.append(Parameter(f"sd_{term.columns[c]}|{group}", "sd", t, c, c))
            for r in range(c + 1, k if term.structure == "us" else 0):
                name = f"cor_{term.columns[r]}.{term.columns[c]}|{group}"
                out.append(Parameter(name, "cor", t, r, c))
    out.append(Parameter("sigma", "sigma", -1, 0, 0))
    fixed = design.fixed.names
    return (*out, *(Parameter(name, "beta", -1, j, j) for j, name in enumerate(fixed)))


def _structured(
    columns: tuple[str, ...], group: str, term: int, pattern: Pattern
) -> list[Parameter]:
    """Parameters of a structured term: its standard deviations, then its correlations."""
    k = len(columns)
    n_sds = pattern.n_sds(k)
    names = columns if n_sds == k else (f"{columns[0]}..{columns[-1]}",)
    out = [Parameter(f"sd_{name}|{group}", "sd", term, c, c) for c, name in enumerate(names)]
    count = pattern.n_par(k) - n_sds
    for lag in range(1, count + 1):
        word = "rho" if count == 1 else f"lag{lag}"
        out.append(Parameter(f"cor_{word}|{group}", "cor", term, lag, 0))
    return out


def parameter_values(
    listed: tuple[Parameter, ...],
    lambdas: tuple[FloatArray, ...],
    sigma: float,
    beta: FloatArray,
    phi: float | None = None,
    natural: FloatArray | None = None,
) -> FloatArray:
    """(q,) values of `parameters` from relative Cholesky factors, sigma and coefficients.

    `phi` and `natural` (k,) are for fits whose family has a shape, or with structured residuals.

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
        elif one.kind == "phi":
            out[i] = np.nan if phi is None else phi
        elif one.kind in ("sigma", "beta"):
            out[i] = sigma if one.kind == "sigma" else beta[one.row]
        else:
            out[i] = np.nan if natural is None else natural[one.row]
    return out


def fit_parameters(fit: MixedFit) -> tuple[Parameter, ...]:
    """The parameters of a fit: those of `parameters`, with ``phi`` or nothing in place of sigma
    where the family of a GLMM has a shape or no dispersion; of a fit with structured residuals
    in the order of its intervals, coefficients first and sigma last.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.glmer("incidence / size ~ 1 + (1 | herd)", nw.load_dataset("cbpp"), weights="size")
    >>> [p.name for p in fit_parameters(m.fit)]
    ['sd_(Intercept)|herd', '(Intercept)']
    """
    listed = parameters(fit.design)
    if isinstance(fit, StructuredFit):
        return _with_residuals(fit, listed)
    if not isinstance(fit, GlmmFit) or fit.family.dispersion == "scale":
        return listed
    shape = () if fit.phi is None else (Parameter("phi", "phi", -1, 0, 0),)
    at = next(i for i, p in enumerate(listed) if p.kind == "sigma")
    return (*listed[:at], *shape, *listed[at + 1 :])


def _with_residuals(fit: StructuredFit, listed: tuple[Parameter, ...]) -> tuple[Parameter, ...]:
    """Coefficients, random effects, parameters of the residuals, sigma."""
    own: list[Parameter] = []
    seen: dict[str, int] = {}
    for i, (name, arm) in enumerate(zip(fit.natural.names, fit.natural.arm, strict=True)):
        kind = OF_RESIDUALS.get(str(name).split("[")[0], "ratio")
        label = f"{name} ({arm})" if arm else str(name)
        seen[label] = seen.get(label, 0) + 1
        # Two covariates in one variance function give two powers of one name.
        label = label if seen[label] == 1 else f"{label} #{seen[label]}"
        own.append(Parameter(label, kind, -1, i, i))
    by_kind = {"beta": 0, "sd": 1, "cor": 1, "sigma": 3}
    return tuple(sorted((*listed, *own), key=lambda p: by_kind.get(p.kind, 2)))


def fit_values(fit: MixedFit) -> FloatArray:
    """(q,) estimates of `fit_parameters`.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.glmer("incidence / size ~ 1 + (1 | herd)", nw.load_dataset("cbpp"), weights="size")
    >>> fit_values(m.fit).round(3).tolist()
    [0.812, -2.046]
    """
    phi = fit.phi if isinstance(fit, GlmmFit) else None
    natural = fit.natural.values if isinstance(fit, StructuredFit) else None
    return parameter_values(fit_parameters(fit), fit.lambdas, fit.sigma, fit.beta, phi, natural)


__all__ = [
    "Kind",
    "Parameter",
    "fit_parameters",
    "fit_values",
    "parameter_values",
    "parameters",
]
