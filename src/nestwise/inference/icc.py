"""Intraclass correlation: how alike two observations of one group are, and what that costs.

Source: Nakagawa, Johnson & Schielzeth (2017), J. R. Soc. Interface 14, 20170213; Kish (1965),
Survey Sampling, for the design effect.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from nestwise._base.errors import OptionError, one_of
from nestwise._base.printed import printed_html
from nestwise._base.table import Table
from nestwise.inference.kinds import LmmFit, MixedFit
from nestwise.inference.variance_parts import variance_parts


@dataclass(frozen=True, slots=True, eq=False)
class IntraclassCorrelation:
    """Shares of variance between groups.

    Parameters
    ----------
    adjusted : float
        All random effects over random effects and residual.
    unadjusted : float
        The same over all variance, that of the fixed effects included.
    by_group : mapping of str to float
        The adjusted share of each grouping factor.

    Notes
    -----
    With random slopes it is a mean over the rows (Johnson 2014); a variance of zero counts as
    zero.
    """

    adjusted: float
    unadjusted: float
    by_group: Mapping[str, float]

    def __getitem__(self, name: str) -> float:
        """``"adjusted"``, ``"unadjusted"``, or the share of a grouping factor by its name."""
        known = {**self.by_group, "adjusted": self.adjusted, "unadjusted": self.unadjusted}
        return known[one_of("name", name, known)]

    def __str__(self) -> str:
        lines = [f"ICC, adjusted:   {self.adjusted:.4f}", f"ICC, unadjusted: {self.unadjusted:.4f}"]
        if len(self.by_group) > 1:
            lines += [f"  {name}: {value:.4f}" for name, value in self.by_group.items()]
        return "\n".join(lines)

    _repr_html_ = printed_html


def icc(fit: MixedFit, method: str | None = None) -> IntraclassCorrelation:
    """Intraclass correlation of a mixed model.

    Parameters
    ----------
    fit : LmmFit, GlmmFit or StructuredFit
        The fit, with random effects.
    method : str, optional
        Of a GLMM, for the variance of its distribution on the scale of the link:
        `nestwise.inference.distribution_variance`.

    Returns
    -------
    IntraclassCorrelation

    Raises
    ------
    OptionError
        When there are no random effects.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Yield ~ 1 + (1 | Batch)", nw.load_dataset("Dyestuff"))
    >>> round(icc(m.fit).adjusted, 4)
    0.4185
    """
    if not fit.design.terms:
        raise OptionError(
            "icc is the share of random effects, and this model has no random effects; "
            "residual_parameters() and residual_covariance() tell how alike a subject's rows are"
        )
    parts = variance_parts(fit, method)
    within = parts.random + parts.residual
    shares = {name: variance / within for name, variance in parts.groups}
    return IntraclassCorrelation(
        parts.random / within, parts.random / parts.total, MappingProxyType(shares)
    )


def design_effect(fit: LmmFit) -> Table:
    """How much clustering inflates the variance of a mean, group by group.

    Parameters
    ----------
    fit : LmmFit
        The fit.

    Returns
    -------
    Table
        ``group n_groups mean_size icc design_effect n_effective``: with groups of size n_j and
        n_0 = sum n_j^2 / n, the design effect is 1 + (n_0 - 1) icc, and n_effective is n over it.
        `icc` is that of pairs that share the level (of a factor nested in others, theirs counts
        too).

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Yield ~ 1 + (1 | Batch)", nw.load_dataset("Dyestuff"))
    >>> t = design_effect(m.fit)
    >>> t["design_effect"].round(3).tolist(), t["n_effective"].round(1).tolist()
    ([2.674], [11.2])
    """
    n, factors = fit.design.y.size, fit.design.factors
    own = icc(fit).by_group
    size, share, mean = [], [], []
    for factor in factors:
        counts = np.bincount(factor.codes, minlength=factor.n_levels).astype(np.float64)
        mean.append(n / factor.n_levels)
        size.append(float(np.sum(counts**2)) / n)
        joint = [g.name for g in factors if g is factor or _within(factor.codes, g.codes)]
        share.append(sum(own[name] for name in joint))
    effect = 1.0 + (np.array(size) - 1.0) * np.array(share)
    return Table(
        {
            "group": np.array([f.name for f in factors], dtype=object),
            "n_groups": np.array([f.n_levels for f in factors]),
            "mean_size": np.array(mean),
            "icc": np.array(share),
            "design_effect": effect,
            "n_effective": n / effect,
        }
    )


def _within(inner: np.ndarray, outer: np.ndarray) -> bool:
    """Whether each level of one factor occurs with a single level of the other."""
    first = np.zeros(int(inner.max()) + 1, dtype=outer.dtype)
    first[inner] = outer
    return bool(np.array_equal(first[inner], outer))
