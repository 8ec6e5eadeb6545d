"""Simulated residuals as users hold them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

from nestwise._base.arrays import FloatArray
from nestwise._base.printed import printed_html
from nestwise.api.source import to_native
from nestwise.inference.simulated_residuals import SimulatedResiduals


@final
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class QuantileResiduals:
    """Where each observation lies among those that the model would give.

    Parameters
    ----------
    found : SimulatedResiduals
        The frozen numbers.
    data : table
        The caller's table: answers come in its kind.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> r = m.simulated_residuals(50, seed=1)
    >>> r.tests["test"].tolist(), r.residuals.shape
    (['uniformity', 'dispersion', 'outliers'], (180,))
    """

    found: SimulatedResiduals
    data: Any

    @property
    def residuals(self) -> FloatArray:
        """(n,) share of simulated observations below the one observed; uniform if all is well."""
        return self.found.residuals.copy()

    @property
    def tests(self) -> Any:
        """``test statistic p_value`` of uniformity, dispersion and outliers."""
        return to_native(self.found.tests, self.data)

    @property
    def n_simulations(self) -> int:
        """Simulations."""
        return self.found.n_simulations

    @property
    def seed(self) -> int:
        """Draws the same again."""
        return self.found.seed

    def __str__(self) -> str:
        return str(self.found)

    __repr__ = __str__
    _repr_html_ = printed_html
