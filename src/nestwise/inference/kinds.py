"""The kinds of fit that the questions of this floor are asked of."""

from __future__ import annotations

from typing import TypeAlias

from nestwise.fit.result import LmFit, LmmFit

Fit: TypeAlias = LmmFit | LmFit
"""A fit of any kind."""

__all__ = ["Fit", "LmFit", "LmmFit"]
