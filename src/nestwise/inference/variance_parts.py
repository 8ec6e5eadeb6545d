"""The variance of the response in parts: fixed effects, each grouping factor, residual.

Source: Nakagawa & Schielzeth (2013), Methods Ecol. Evol. 4, 133-142; Johnson (2014), Methods Ecol.
Evol. 5, 944-946, for random slopes; Nakagawa, Johnson & Schielzeth (2017), J. R. Soc. Interface 14,
20170213, for GLMMs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import OptionError
from nestwise._base.memo import memo
from nestwise._base.table import Table
from nestwise.inference.distribution_variance import distribution_variance
from nestwise.inference.kinds import GlmmFit, LmmFit, MixedFit, StructuredFit
from nestwise.inference.residuals import fixed_part
from nestwise.inference.structured.residuals import residual_variances


@dataclass(frozen=True, slots=True, eq=False)
class VarianceParts:
    """Variances on the scale of the (transformed) response or of the link, squared units.

    Parameters
    ----------
    fixed : float
        Sample variance of X beta over the rows.
    groups : tuple of (str, float)
        For each grouping factor the mean over the rows of z' Sigma z, all its terms together.
    residual : float
        sigma^2, that of prior weight one; of structured residuals the mean over the rows of
        their variances (prior weights included); of a GLMM the variance of its distribution on
        the scale of the link, and that of random effects that differ from row to row.
    """

    fixed: float
    groups: tuple[tuple[str, float], ...]
    residual: float

    @property
    def random(self) -> float:
        """Sum over the grouping factors."""
        return sum(variance for _, variance in self.groups)

    @property
    def total(self) -> float:
        """Sum of all parts."""
        return self.fixed + self.random + self.residual


@memo
def variance_parts(fit: MixedFit, method: str | None = None) -> VarianceParts:
    """Split the variance that the model implies.

    Parameters
    ----------
    fit : LmmFit, GlmmFit or StructuredFit
        The fit; a singular one has parts that are zero.
    method : str, optional
        How the variance of a GLMM's distribution is found:
        `nestwise.inference.distribution_variance`.

    Returns
    -------
    VarianceParts

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> parts = variance_parts(m.fit)
    >>> round(parts.fixed), round(parts.random), round(parts.residual)
    (909, 1698, 655)
    """
    mu = fixed_part(fit)
    if fit.design.offset is not None:
        mu = mu - fit.design.offset
    by_factor = dict.fromkeys((f.name for f in fit.design.factors), 0.0)
    for t, term in enumerate(fit.design.terms):
        by_factor[fit.design.factors[term.factor].name] += _mean_variance(fit, t)
    fixed = float(np.var(mu, ddof=1)) if mu.size > 1 else 0.0
    if not isinstance(fit, GlmmFit):
        if method is not None:
            raise OptionError(f"method={method!r} is for GLMMs; a linear model has a residual")
        return VarianceParts(fixed, tuple(by_factor.items()), _residual(fit))
    by_row = [f.name for f in fit.design.factors if f.n_levels == fit.design.y.size]
    residual = distribution_variance(fit, method) + sum(by_factor.pop(g) for g in by_row)
    return VarianceParts(fixed, tuple(by_factor.items()), residual)


def _residual(fit: LmmFit | StructuredFit) -> float:
    """sigma^2, or the mean over the rows of the variances of structured residuals."""
    if isinstance(fit, StructuredFit):
        return float(np.mean(residual_variances(fit)))
    return fit.sigma**2


def _mean_variance(fit: MixedFit, index: int) -> float:
    """Mean over the rows of z' Sigma z for one term."""
    columns, La = fit.design.terms[index].Z, fit.lambdas[index]
    n = fit.design.y.size
    gram: FloatArray = np.empty((len(columns), len(columns)))
    for i, a in enumerate(columns):
        for j, b in enumerate(columns):
            left, right = (1.0 if c is None else c for c in (a, b))
            gram[i, j] = np.sum(np.broadcast_to(np.multiply(left, right), (n,))) / n
    return float(fit.sigma**2 * np.sum((La @ La.T) * gram))


def variance_table(fit: MixedFit, method: str | None = None) -> Table:
    """The parts as a table.

    Parameters
    ----------
    fit : LmmFit, GlmmFit or StructuredFit
        The fit.
    method : str, optional
        As in `variance_parts`.

    Returns
    -------
    Table
        ``part variance share``: the fixed effects, each grouping factor, the residual.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("diameter ~ 1 + (1 | plate) + (1 | sample)", nw.load_dataset("Penicillin"))
    >>> t = variance_table(m.fit)
    >>> t["part"].tolist(), t["share"].round(3).tolist()
    (['fixed', 'plate', 'sample', 'Residual'], [0.0, 0.151, 0.785, 0.064])
    """
    parts = variance_parts(fit, method)
    names = ["fixed", *(name for name, _ in parts.groups), "Residual"]
    variance = np.array([parts.fixed, *(v for _, v in parts.groups), parts.residual])
    return Table(
        {
            "part": np.array(names, dtype=object),
            "variance": variance,
            "share": variance / parts.total,
        }
    )
