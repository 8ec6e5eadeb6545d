"""What a residual structure sees of the rows of one subject."""

from __future__ import annotations

from dataclasses import dataclass

from nestwise._base.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Visits:
    """One pattern of rows: when a subject was seen.

    Parameters
    ----------
    index : (v,) int32 or None
        Position of each row among the ordered visit levels, counted from 0; None for structures
        that read times or coordinates only.
    time : (v,) or (v, d) float64
        Numeric times, or coordinates in d dimensions.
    n_visits : int
        Number of visit levels over all subjects.
    """

    index: IntArray | None
    time: FloatArray
    n_visits: int
