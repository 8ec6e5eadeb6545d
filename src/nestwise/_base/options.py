"""Frozen options: everything that steers a fit and is not the model itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from nestwise._base.errors import OptionError, one_of


def flag(name: str, value: object) -> bool:
    """A truth value, or an error that names the argument.

    Raises
    ------
    OptionError
        When it is neither True nor False.

    Examples
    --------
    >>> flag("REML", True)
    True
    """
    if not isinstance(value, bool | np.bool_):
        raise OptionError(f"{name}={value!r} is neither True nor False")
    return bool(value)


def names_of(argument: str, value: object) -> list[str]:
    """One name or several, as a list; an error that names the argument when they are no text.

    Raises
    ------
    OptionError
        When something other than names is given.

    Examples
    --------
    >>> names_of("params", "ses"), names_of("params", ("ses", "sex"))
    (['ses'], ['ses', 'sex'])
    """
    if isinstance(value, str):
        return [value]
    found: list[str] = []
    for name in value if isinstance(value, Iterable) else [value]:
        if not isinstance(name, str):
            raise OptionError(f"{argument} must be a name or several names, got {name!r}")
        found.append(name)
    return found


@dataclass(frozen=True, slots=True)
class Control:
    """How the optimiser works and when it is content.

    Parameters
    ----------
    max_evaluations : int
        Evaluations of the criterion that one way down from one starting point may take before the
        optimiser gives up and says so. It is no limit of the whole call: further starts against
        local optima have as many each. A generalised model may take up to 24 steps more once its
        curvature is exact, and that curvature by differences; a quadrature and the sample of a
        large model have ways of their own. `n_evaluations` of a fit counts all of them.
    tolerance : float
        Predicted further decrease of the criterion (deviance units) below which it stops.
    singular_tolerance : float
        Relative standard deviation, or distance of a correlation from one, called singular.
    threads : int
        Threads for the linear algebra; 1 is fastest for nearly all models.
    solver : str
        How what is left after elimination by level is factorised: ``"auto"`` (by predicted cost),
        ``"dense"`` or ``"sparse"``. The attribute `solver` of a fit tells what was taken.
    laplace : str
        Weights in the log-determinant of Laplace's approximation (generalised models):
        ``"observed"``, the curvature of the joint density at its mode, or ``"expected"``, the
        Fisher weights that glmer takes. For canonical links they are the same.

    Raises
    ------
    OptionError
        When a value is outside its range.

    Examples
    --------
    >>> Control(max_evaluations=50).max_evaluations
    50
    """

    max_evaluations: int = 200
    tolerance: float = 1e-9
    singular_tolerance: float = 1e-4
    threads: int = 1
    solver: str = "auto"
    laplace: str = "observed"

    def __post_init__(self) -> None:
        one_of("control: solver", self.solver, ("auto", "dense", "sparse"))
        one_of("control: laplace", self.laplace, ("observed", "expected"))
        for name in ("max_evaluations", "tolerance", "singular_tolerance", "threads"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
                raise OptionError(f"control: {name}={value!r} is not a number above zero")
