"""From a design (which knows tables) to the arrays that the engine takes (which does not)."""

from __future__ import annotations

from dataclasses import replace

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


def glmm_arrays(design: Design) -> tuple[ModelArrays, FloatArray, FloatArray]:
    """The arrays of a design whose offset stays in the linear predictor.

    Parameters
    ----------
    design : Design
        A design with random-effects terms.

    Returns
    -------
    ModelArrays, (n,) float64, (n,) float64
        The rows with the response as it is, the offset, and the prior weights (ones when none).
    """
    arrays = model_arrays(design if design.offset is None else replace(design, offset=None))
    n = len(design.y)
    offset = np.zeros(n) if design.offset is None else np.array(design.offset, dtype=np.float64)
    weights = np.ones(n) if design.weights is None else np.array(design.weights, dtype=np.float64)
    return arrays, offset, weights
