"""What a residual covariance structure is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from nestwise._base.arrays import FloatArray
from nestwise.core.residual.chart import Chart
from nestwise.core.residual.differences import second_by_differences
from nestwise.core.residual.visits import Visits

Natural = tuple[tuple[str, ...], FloatArray, FloatArray]
"""Names, values (m,), and their derivatives by par (m, n_par)."""


class Start(Protocol):
    """Parameters to begin with."""

    def __call__(self, n_visits: int, distance: float = 1.0) -> FloatArray:
        """(n_par,) par; `distance` is a typical distance of neighbouring rows."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class ResidualStructure:
    """A covariance matrix of the residuals of one subject, relative to sigma^2.

    Parameters
    ----------
    name : str
        How it is written, ``residual="ar1(week | subject)"``.
    meaning : str
        One line for the documentation.
    needs : str
        What it reads of the rows: ``"visits"``, ``"time"`` or ``"coordinates"``.
    heterogeneous : bool
        Whether every visit has a standard deviation of its own. The first one is then 1.
    n_par : callable
        Number of visit levels to number of parameters.
    start : callable
        ``start(n_visits, distance=1.0)``: parameters to begin with; `distance` is a typical
        distance of neighbouring rows, for structures that read times or coordinates.
    covariance : callable
        ``covariance(par, visits)`` gives R (v, v) and its derivatives (n_par, v, v). All parameters
        are free on the real line.
    natural : callable
        ``natural(par, labels)``: parameters in the words of users; `labels` names the visit levels.
    chart : callable
        ``chart(par, n_visits)``: the parameters by which Kenward and Roger's adjustment takes
        second derivatives, and their derivatives by par; see `residual.chart`.
    neighbours : str or None
        ``"order"`` or ``"time"`` where a residual, given the one before it, is independent of all
        earlier ones: the correlation of two rows is then tanh(par)^k for visits k apart, or
        exp(-dt exp(-par)), and `core.structured.chain` needs no matrices. None otherwise.
    """

    name: str
    meaning: str
    needs: str
    heterogeneous: bool
    n_par: Callable[[int], int]
    start: Start
    covariance: Callable[[FloatArray, Visits], tuple[FloatArray, FloatArray]]
    natural: Callable[[FloatArray, Sequence[str]], Natural]
    chart: Chart
    neighbours: str | None = None

    def second(self, par: FloatArray, visits: Visits) -> FloatArray:
        """(n_par, n_par, v, v) second derivatives of R, by differences of the exact first ones."""
        return second_by_differences(lambda p: self.covariance(p, visits)[1], par)
