"""Whether one model is a part of another, without which a likelihood ratio has no reference."""

from __future__ import annotations

import numpy as np

from nestwise.design.model import Design
from nestwise.fit.glmm_verdict import REDUCED
from nestwise.inference.kinds import Fit, GlmmFit

OUTSIDE = 1e-6
"""Share of a column's length outside a space, above which it does not lie in it."""


def not_nested(smaller: Fit, larger: Fit) -> str:
    """Why the smaller model is no part of the larger.

    What is looked at are distributions, links and fixed effects.

    Parameters
    ----------
    smaller, larger : fits
        On the same rows, by number of parameters.

    Returns
    -------
    str
        The reason, ``""`` when there is none.

    Examples
    --------
    >>> import nestwise as nw
    >>> cake = nw.load_dataset("cake")
    >>> not_nested(nw.lm("angle ~ temp", cake).fit, nw.lm("angle ~ recipe", cake).fit)
    'the fixed effects of one are no part of those of the other'
    """
    families = (_family(smaller), _family(larger))
    if families[0] != families[1] and not at_limit(smaller, larger):
        return "their distributions differ"
    if _link(smaller) != _link(larger):
        return "their links differ"
    if not _within(smaller.design, larger.design):
        return "the fixed effects of one are no part of those of the other"
    return ""


def at_limit(smaller: Fit, larger: Fit) -> bool:
    """Whether the smaller's distribution is that of the larger at the limit of its dispersion.

    Examples
    --------
    >>> import nestwise as nw
    >>> data = {"y": [2, 0, 1, 4, 3, 9, 2, 7], "g": [1, 1, 2, 2, 3, 3, 4, 4]}
    >>> fits = [nw.glmer("y ~ 1 + (1 | g)", data, family=f).fit for f in ("poisson", "nbinom2")]
    >>> at_limit(*fits), at_limit(fits[1], fits[0])
    (True, False)
    """
    return REDUCED.get(_family(larger)) == _family(smaller)


def _family(fit: Fit) -> str:
    return fit.family.name if isinstance(fit, GlmmFit) else "gaussian"


def _link(fit: Fit) -> str:
    return fit.link.name if isinstance(fit, GlmmFit) else "identity"


def _within(smaller: Design, larger: Design) -> bool:
    """Whether every column of the smaller X is a combination of the larger's."""
    if set(smaller.fixed.names) <= set(larger.fixed.names):
        return True
    if larger.fixed.X.shape[1] == 0:
        return bool(smaller.fixed.X.shape[1] == 0)
    X = smaller.fixed.X / np.maximum(np.linalg.norm(smaller.fixed.X, axis=0), 1e-300)
    Q = np.linalg.qr(larger.fixed.X / np.maximum(np.linalg.norm(larger.fixed.X, axis=0), 1e-300))[0]
    return bool(np.linalg.norm(X - Q @ (Q.T @ X), axis=0).max(initial=0.0) <= OUTSIDE)
