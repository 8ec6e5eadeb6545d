"""Distances of a subject's rows in time or space."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray


def distances(time: FloatArray) -> FloatArray:
    """(v, v) Euclidean distances of times (v,) or coordinates (v, d); of stacks (G, v, d) too."""
    at = time if time.ndim > 1 else time[:, None]
    apart = at[..., :, None, :] - at[..., None, :, :]
    return np.asarray(np.sqrt((apart * apart).sum(axis=-1)))
