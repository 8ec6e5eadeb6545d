"""R squared of mixed models, marginal and conditional."""

from __future__ import annotations

from dataclasses import dataclass

from nestwise._base.errors import one_of
from nestwise._base.printed import printed_html
from nestwise.inference.kinds import MixedFit
from nestwise.inference.variance_parts import variance_parts


@dataclass(frozen=True, slots=True)
class RSquaredMixed:
    """Shares of variance that a mixed model explains.

    Parameters
    ----------
    marginal : float
        By the fixed effects alone.
    conditional : float
        By fixed and random effects together.
    """

    marginal: float
    conditional: float

    def __getitem__(self, name: str) -> float:
        """``"marginal"`` or ``"conditional"``."""
        chosen = one_of("name", name, ("marginal", "conditional"))
        return self.marginal if chosen == "marginal" else self.conditional

    def __str__(self) -> str:
        return f"R2, marginal:    {self.marginal:.4f}\nR2, conditional: {self.conditional:.4f}"

    _repr_html_ = printed_html


def r2(fit: MixedFit, method: str | None = None) -> RSquaredMixed:
    """Marginal and conditional R squared.

    Parameters
    ----------
    fit : LmmFit, GlmmFit or StructuredFit
        The fit; random slopes count by the mean over the rows of their variance, and a singular
        fit has the shares that its zeros imply.
    method : str, optional
        Of a GLMM, for the variance of its distribution on the scale of the link:
        `nestwise.inference.distribution_variance`.

    Returns
    -------
    RSquaredMixed

    Source
    ------
    Nakagawa & Schielzeth (2013), Methods Ecol. Evol. 4, eq. 29 and 30; Johnson (2014), Methods
    Ecol. Evol. 5, 944-946; Nakagawa, Johnson & Schielzeth (2017), J. R. Soc. Interface 14,
    20170213, eq. 2.6 and 2.7.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> r = r2(m.fit)
    >>> round(r.marginal, 3), round(r.conditional, 3)
    (0.279, 0.799)
    """
    parts = variance_parts(fit, method)
    return RSquaredMixed(parts.fixed / parts.total, (parts.fixed + parts.random) / parts.total)
