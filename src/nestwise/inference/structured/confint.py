"""Confidence intervals of fits with structured residuals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nestwise._base.errors import one_of
from nestwise._base.table import Table
from nestwise.fit.structured_result import StructuredFit
from nestwise.inference.structured.parameters import residual_parameters
from nestwise.inference.wald import chosen, quantile, vcov


def confint_structured(
    fit: StructuredFit,
    method: str = "wald",
    level: float = 0.95,
    params: Sequence[str] | None = None,
) -> Table:
    """Wald intervals of the fixed effects (normal quantile) and of the residuals' parameters.

    Parameters
    ----------
    fit : StructuredFit
        The fit.
    method : str
        ``"wald"``.
    level : float
        Confidence level.
    params : sequence of str, optional
        Names wanted; all by default.

    Returns
    -------
    Table
        ``term conf_low conf_high``.

    Raises
    ------
    OptionError
        When an argument is not known or out of range.

    Examples
    --------
    >>> import nestwise as nw
    >>> data = nw.load_dataset("sleepstudy")
    >>> m = nw.gls("Reaction ~ Days", data, residual="ar1(Days | Subject)")
    >>> confint_structured(m.fit)["term"].tolist()
    ['(Intercept)', 'Days', 'rho', 'sigma']
    """
    one_of("method", method, ("wald",))
    half = quantile(np.full(fit.beta.size, np.inf), level) * np.sqrt(np.diag(vcov(fit)))
    own = residual_parameters(fit, level)
    labels = [f"{t} ({a})" if a else str(t) for t, a in zip(own["term"], own["arm"], strict=True)]
    names = [*fit.design.fixed.names, *labels]
    keep = chosen(names, params, "parameter")
    return Table(
        {
            "term": np.array(names, dtype=object)[keep],
            "conf_low": np.append(fit.beta - half, own["conf_low"])[keep],
            "conf_high": np.append(fit.beta + half, own["conf_high"])[keep],
        }
    )
