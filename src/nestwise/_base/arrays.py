"""Array aliases used in every signature."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
"""Real numbers, float64."""

IntArray = NDArray[np.int32]
"""Level codes and positions, int32."""

BoolArray = NDArray[np.bool_]
"""Masks."""

AnyArray = NDArray[Any]
"""Labels and other columns of unspecified dtype."""

__all__ = ["AnyArray", "BoolArray", "FloatArray", "IntArray"]
