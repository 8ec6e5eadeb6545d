"""The plots of a fit as methods, each handed on in one line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nestwise.inference.kinds import Fit
from nestwise.present.plots import (
    caterpillar,
    effects,
    groups,
    observed,
    profile,
    quantile,
    residual,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True, eq=False)
class Plots:
    """Plots of one fit, each in a new figure (``axes.figure``).

    Parameters
    ----------
    fit : LmmFit or LmFit
        The fit.
    data : table
        What it was fitted to.

    Examples
    --------
    >>> import nestwise as nw
    >>> model = nw.lm("Reaction ~ Days", nw.load_dataset("sleepstudy"))
    >>> model.plot.residuals().get_title(loc="left")
    'Residuals and fitted values'
    """

    fit: Fit
    data: Any

    def caterpillar(self, group: str | None = None) -> Axes:
        """Random effects with their intervals, sorted."""
        return caterpillar.caterpillar(self.fit, group)

    def observed_vs_predicted(self) -> Axes:
        """Observed against fitted values."""
        return observed.observed_vs_predicted(self.fit)

    def residuals(self) -> Axes:
        """Scaled residuals against fitted values."""
        return residual.residuals(self.fit)

    def qq(self) -> Axes:
        """Scaled residuals against normal quantiles."""
        return quantile.qq(self.fit)

    def profile(self, params: Sequence[str] | None = None, level: float = 0.95) -> Axes:
        """Profile likelihood of each parameter, with its intervals."""
        return profile.profile(self.fit, params, level)

    def effects(self, x: str, by: str | None = None, level: float = 0.95) -> Axes:
        """Marginal mean along a predictor, with its interval and where the data are."""
        return effects.effects(self.fit, self.data, x, by, level)

    def groups(self, x: str, group: str | None = None) -> Axes:
        """Lines of every group beside the population's, and their shrinkage."""
        return groups.groups(self.fit, self.data, x, group)
