"""The plots of a fit as methods, each handed on in one line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nestwise.inference.kinds import Fit
from nestwise.present.plots import caterpillar, observed, profile, quantile, residual

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True, eq=False)
class Plots:
    """Plots of one fit, each in a new figure (``axes.figure``).

    Parameters
    ----------
    fit : LmmFit or LmFit
        The fit.

    Examples
    --------
    >>> import nestwise as nw
    >>> model = nw.lm("Reaction ~ Days", nw.load_dataset("sleepstudy"))
    >>> model.plot.residuals().get_title(loc="left")
    'Residuals and fitted values'
    """

    fit: Fit

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
