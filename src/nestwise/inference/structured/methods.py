"""How fits with structured residuals test contrasts: part of the registry of `inference.ddf`."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.fit.structured_result import StructuredFit
from nestwise.inference.structured import satterthwaite
from nestwise.inference.structured.between_within import between_within_df


def satterthwaite_single(fit: StructuredFit, L: FloatArray) -> FloatArray:
    """Satterthwaite's degrees of freedom of each row."""
    return satterthwaite.degrees_of_freedom(fit, L)


def between_within_single(fit: StructuredFit, L: FloatArray) -> FloatArray:
    """Between-within degrees of freedom of each row."""
    return between_within_df(fit, L)


def satterthwaite_joint(fit: StructuredFit, L: FloatArray) -> tuple[float, float]:
    """Denominator degrees of freedom of an F test; nothing is scaled."""
    return satterthwaite.joint_df(fit, L), 1.0


def between_within_joint(fit: StructuredFit, L: FloatArray) -> tuple[float, float]:
    """The smallest of the rows' degrees of freedom."""
    return float(np.min(between_within_df(fit, L))), 1.0
