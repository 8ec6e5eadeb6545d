"""Means of drawn linear predictors, which a family may not have."""

from __future__ import annotations

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import FitError
from nestwise.core.families.possible import possible_means
from nestwise.fit.glmm_result import GlmmFit


def drawn_means(fit: GlmmFit, eta: FloatArray) -> FloatArray:
    """Means at linear predictors that were drawn, all possible for the family.

    Parameters
    ----------
    fit : GlmmFit
        Gives family and link.
    eta : (r,) float64
        Linear predictors.

    Returns
    -------
    (r,) float64

    Raises
    ------
    FitError
        When some means are out of the family's range: a link such as the identity does not keep
        them in, and normal random effects reach out of it.

    Examples
    --------
    >>> import numpy as np
    >>> import nestwise as nw
    >>> m = nw.glmer("incidence / size ~ 1 + (1 | herd)", nw.load_dataset("cbpp"), weights="size")
    >>> drawn_means(m.fit, np.zeros(1)).tolist()
    [0.5]
    """
    mu, inside = possible_means(fit.family, fit.link, eta)
    if inside.all():
        return mu
    count = int((~inside).sum())
    raise FitError(
        f"{count} of {inside.size} means that were drawn from this model are out of the range of "
        f"the {fit.family.name} family: its {fit.link.name} link does not keep normal random "
        "effects inside; use a link that does, such as log or logit"
    )
