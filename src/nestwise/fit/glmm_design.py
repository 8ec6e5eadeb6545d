"""A design made fit for a family: the response is in its range, and what is odd is told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nestwise.core.families.family import Family
from nestwise.design.model import Design


def with_family(design: Design, family: Family) -> Design:
    """Check the response of a design against a family.

    Parameters
    ----------
    design : Design
        The design.
    family : Family
        The family.

    Returns
    -------
    Design
        With the remarks of the family among its diagnostics.

    Raises
    ------
    DataError
        When responses are out of the family's range; rows are counted from 0 in the caller's
        table.

    Examples
    --------
    >>> from nestwise.core.families.registry import FAMILIES
    >>> from nestwise.design import build
    >>> data = {"y": [1.0, 0.5, 4], "g": list("aab")}
    >>> with_family(build("y ~ 1 + (1 | g)", data), FAMILIES["poisson"]).diagnostics[0].code
    'non-integer-counts'
    """
    weights = np.ones(design.y.size) if design.weights is None else design.weights
    rows = None if design.kept is None else np.flatnonzero(design.kept).astype(np.int32)
    told = family.check(design.y, weights, rows)
    return replace(design, diagnostics=(*design.diagnostics, *told)) if told else design
