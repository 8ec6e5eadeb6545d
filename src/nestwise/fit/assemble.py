"""From a design (which knows tables) to the arrays that the engine takes (which does not)."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.problem import ModelArrays, TermColumns
from nestwise.design.model import Design


def model_arrays(design: Design, y: FloatArray | None = None) -> ModelArrays:
    """The arrays of a design, with another response when `y` is given.

    Parameters
    ----------
    design : Design
        A design with random-effects terms.
    y : (n,) float64, optional
        Replaces ``design.y``; the offset is taken out of it in the same way.
    """
    response = design.y if y is None else y
    if design.offset is not None:
        response = response - design.offset
    return ModelArrays(
        y=np.ascontiguousarray(response, dtype=np.float64),
        X=design.fixed.X,
        intercept=0 if design.fixed.intercept else -1,
        weights=design.weights,
        codes=tuple(f.codes for f in design.factors),
        n_levels=tuple(f.n_levels for f in design.factors),
        terms=tuple(TermColumns(t.factor, t.Z, t.structure) for t in design.terms),
    )
