"""The cross-products of a model: as the user wrote it, and as the optimiser likes it."""

from __future__ import annotations

from dataclasses import dataclass

from nestwise._base.arrays import FloatArray
from nestwise._base.options import Control
from nestwise.core.centred import (
    Centering,
    centred_arrays,
    find_centering,
    from_centred,
    into_centred,
    uncentred_modes,
)
from nestwise.core.patterns import is_patterned
from nestwise.core.problem import ModelArrays, Problem, build_problem


@dataclass(frozen=True, slots=True, eq=False)
class Problems:
    """One model in two coordinates of its random effects; mostly they are the same.

    Parameters
    ----------
    problem : Problem
        Columns as they are.
    working : Problem
        Columns of random slopes centred where they are far from zero; else `problem`.
    arrays : ModelArrays
        The rows of `working`.
    centering : Centering or None
        What was taken from its columns.
    """

    problem: Problem
    working: Problem
    arrays: ModelArrays
    centering: Centering | None

    def user_theta(self, theta: FloatArray) -> FloatArray:
        """theta of `problem` from theta of `working`."""
        if self.centering is None:
            return theta
        return from_centred(self.problem, self.centering, theta)

    def working_theta(self, theta: FloatArray) -> FloatArray:
        """theta of `working` from theta of `problem`."""
        if self.centering is None:
            return theta
        return into_centred(self.problem, self.centering, theta)

    def user_modes(self, modes: tuple[FloatArray, ...]) -> tuple[FloatArray, ...]:
        """Conditional modes of `problem` from those of `working`."""
        return modes if self.centering is None else uncentred_modes(self.centering, modes)


def make_problems(arrays: ModelArrays, control: Control) -> Problems:
    """Make the cross-products, once more with centred slopes where that keeps digits.

    Parameters
    ----------
    arrays : ModelArrays
        The model in the user's units.
    control : Control
        Threads and solver.
    """
    problem = build_problem(arrays, threads=control.threads, solver=control.solver)
    centering = None if is_patterned(problem) else find_centering(arrays)
    if centering is None:
        return Problems(problem, problem, arrays, None)
    moved = centred_arrays(arrays, centering)
    working = build_problem(moved, threads=control.threads, solver=control.solver)
    return Problems(problem, working, moved, centering)


def again(problem: Problem, working: Problem, arrays: ModelArrays) -> Problems:
    """The `Problems` of a fit from its two problems and its rows."""
    if working is problem:
        return Problems(problem, problem, arrays, None)
    centering = find_centering(arrays)
    moved = arrays if centering is None else centred_arrays(arrays, centering)
    return Problems(problem, working, moved, centering)
