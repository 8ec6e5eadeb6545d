"""Whether one model is a part of another, without which a likelihood ratio has no reference."""

from __future__ import annotations

import numpy as np

from nestwise.design.model import Design
from nestwise.inference.kinds import Fit, GlmmFit

OUTSIDE = 1e-6
"""Share of a column's length outside a space, above which it does not lie in it."""


def not_nested(smaller: Fit, larger: Fit) -> str:
    """Why the smaller model is no part of the larger, as far as links and fixed effects tell.

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
    links = {f.link.name for f in (smaller, larger) if isinstance(f, GlmmFit)}
    if len(links) > 1:
        return "their links differ"
    if not _within(smaller.design, larger.design):
        return "the fixed effects of one are no part of those of the other"
    return ""


def _within(smaller: Design, larger: Design) -> bool:
    """Whether every column of the smaller X is a combination of the larger's."""
    if set(smaller.fixed.names) <= set(larger.fixed.names):
        return True
    if larger.fixed.X.shape[1] == 0:
        return bool(smaller.fixed.X.shape[1] == 0)
    X = smaller.fixed.X / np.maximum(np.linalg.norm(smaller.fixed.X, axis=0), 1e-300)
    Q = np.linalg.qr(larger.fixed.X / np.maximum(np.linalg.norm(larger.fixed.X, axis=0), 1e-300))[0]
    return bool(np.linalg.norm(X - Q @ (Q.T @ X), axis=0).max(initial=0.0) <= OUTSIDE)
