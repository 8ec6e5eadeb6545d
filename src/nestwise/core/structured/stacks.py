"""Blocks of equal size whose patterns do not repeat: arrays for all of them at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import AnyArray, FloatArray
from nestwise.core.structured.blocks import Blocks

SEVERAL = 4
"""Blocks from which on stacking pays."""

RARE = 3
"""Blocks of a pattern up to which they are stacked with others rather than summed."""


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """G blocks of v rows, each of one subject, all of one arm.

    Parameters
    ----------
    arm : int
        Their arm.
    position : (G, v) intp
        Place of each row among `Blocks.visit` and `Blocks.time`.
    features : (G, v, s) float64
        Derivatives of the log standard deviations.
    root : (G, v) float64
        Square roots of 1 / weights.
    Z, same : tuple of (G, v, k) float64 and of (G, v, v) bool
        Columns of the absorbed random-effects terms, and which rows share a level.
    data : (G, v, c) float64
        [Q y0].
    """

    arm: int
    position: AnyArray
    features: FloatArray
    root: FloatArray
    Z: tuple[FloatArray, ...]
    same: tuple[AnyArray, ...]
    data: FloatArray


def make_stacks(blocks: Blocks, data: FloatArray) -> tuple[tuple[Stack, ...], tuple[int, ...]]:
    """Stacks, and the patterns that are left to themselves.

    Parameters
    ----------
    blocks : Blocks
        All patterns.
    data : (n, c) float64
        [Q y0].
    """
    groups: dict[tuple[int, int], list[int]] = {}
    loose = []
    for i, pattern in enumerate(blocks.patterns):
        count, v = pattern.rows.shape
        if count > RARE or not pattern.single or blocks.trailing:
            loose.append(i)
        else:
            groups.setdefault((v, int(pattern.arm[0])), []).append(i)
    stacks = []
    for (_, arm), chosen in groups.items():
        if len(chosen) < SEVERAL:
            loose += chosen
        else:
            stacks.append(_stack(blocks, chosen, arm, data))
    return tuple(stacks), tuple(sorted(loose))


def _stack(blocks: Blocks, chosen: list[int], arm: int, data: FloatArray) -> Stack:
    patterns = [blocks.patterns[i] for i in chosen]
    times = np.array([len(p.rows) for p in patterns])

    def repeated(parts: list[AnyArray]) -> AnyArray:
        return np.repeat(np.stack(parts), times, axis=0)

    places = range(len(blocks.absorbed))
    levels = [repeated([p.level[a] for p in patterns]) for a in places]
    return Stack(
        arm=arm,
        position=repeated([p.position for p in patterns]),
        features=repeated([p.features for p in patterns]),
        root=repeated([p.root for p in patterns]),
        Z=tuple(repeated([p.Z[a] for p in patterns]) for a in places),
        same=tuple(x[:, :, None] == x[:, None, :] for x in levels),
        data=data[np.concatenate([p.rows for p in patterns])],
    )
