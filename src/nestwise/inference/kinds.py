"""The kinds of fit that the questions of this floor are asked of."""

from __future__ import annotations

from typing import TypeAlias

from nestwise.fit.glmm_result import GlmmFit
from nestwise.fit.result import LmFit, LmmFit
from nestwise.fit.structured_result import StructuredFit

Fit: TypeAlias = LmmFit | LmFit | StructuredFit | GlmmFit
"""A fit of any kind."""

PlainFit: TypeAlias = LmmFit | LmFit
"""A fit of normal responses with independent residuals."""

MixedFit: TypeAlias = LmmFit | StructuredFit | GlmmFit
"""A fit that may have random effects."""

EquationsFit: TypeAlias = LmmFit | GlmmFit
"""A fit whose random effects solve mixed-model equations."""

__all__ = [
    "EquationsFit",
    "Fit",
    "GlmmFit",
    "LmFit",
    "LmmFit",
    "MixedFit",
    "PlainFit",
    "StructuredFit",
]
