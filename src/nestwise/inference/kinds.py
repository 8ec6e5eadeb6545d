"""The kinds of fit that the questions of this floor are asked of."""

from __future__ import annotations

from typing import TypeAlias

from nestwise.fit.result import LmFit, LmmFit
from nestwise.fit.structured_result import StructuredFit

Fit: TypeAlias = LmmFit | LmFit | StructuredFit
"""A fit of any kind."""

PlainFit: TypeAlias = LmmFit | LmFit
"""A fit with independent residuals."""

__all__ = ["Fit", "LmFit", "LmmFit", "PlainFit", "StructuredFit"]
