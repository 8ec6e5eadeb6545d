"""Profiles, bootstraps and bootstrap comparisons as users hold them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np

from nestwise._base.errors import OptionError
from nestwise._base.printed import printed_html
from nestwise._base.table import Table
from nestwise.api.source import to_native
from nestwise.inference.bootstrap import Bootstrap, bootstrap_table
from nestwise.inference.bootstrap_interval import bootstrap_interval
from nestwise.inference.pb_compare import Comparison
from nestwise.inference.pb_table import comparison_table
from nestwise.inference.profile import Profile
from nestwise.inference.profile_interval import profile_interval, profile_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@final
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ProfileResult:
    """Profiles of the likelihood; ``model.profile()`` makes it.

    Parameters
    ----------
    found : Profile
        The frozen numbers.
    data : table
        The caller's data: tables come back in its kind.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Yield ~ 1 + (1 | Batch)", nw.load_dataset("Dyestuff"))
    >>> m.profile().confint(level=0.9)["term"].tolist()
    ['sd_(Intercept)|Batch', 'sigma', '(Intercept)']
    """

    found: Profile
    data: Any

    @property
    def notes(self) -> tuple[str, ...]:
        """Boundaries that were met."""
        return self.found.notes

    def confint(self, level: float = 0.95, *, params: Sequence[str] | None = None) -> Any:
        """Intervals: ``term conf_low conf_high``."""
        return to_native(profile_interval(self.found, level, params), self.data)

    def tidy(self) -> Any:
        """All points of the profiles: ``term value zeta``."""
        return to_native(profile_table(self.found), self.data)

    def plot(self, params: Sequence[str] | None = None, *, level: float = 0.95) -> Axes:
        """Zeta against each parameter."""
        from nestwise.present.plots.profile import profile

        return profile(self.found, params, level)

    def __repr__(self) -> str:
        from nestwise.present.resampled import profile_text

        return profile_text(self.found)

    _repr_html_ = printed_html


@final
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class BootstrapResult:
    """Bootstrap replicates; ``model.bootstrap(n)`` makes it.

    Parameters
    ----------
    found : Bootstrap
        The frozen numbers.
    data : table
        The caller's data: tables come back in its kind.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Yield ~ 1 + (1 | Batch)", nw.load_dataset("Dyestuff"))
    >>> b = m.bootstrap(50, seed=1)
    >>> b.n_done, b.replicates.shape
    (50, (50, 3))
    """

    found: Bootstrap
    data: Any

    @property
    def n_done(self) -> int:
        """Replicates that were computed, failed ones included."""
        return self.found.n_done

    @property
    def n_failed(self) -> int:
        """Replicates that could not be fitted or did not converge."""
        return self.found.n_failed

    @property
    def n_singular(self) -> int:
        """Replicates with a zero variance or a correlation of one."""
        return self.found.n_singular

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended it early; ``bootstrap(n, resume=this)`` goes on."""
        return self.found.interrupted

    @property
    def seed(self) -> int:
        """The seed, also when none was given."""
        return self.found.seed

    @property
    def notes(self) -> tuple[str, ...]:
        """Interruption, failed and singular replicates."""
        return self.found.notes

    @property
    def replicates(self) -> Any:
        """One row for each replicate, one column for each parameter; NaN where it failed."""
        values = self.found.replicates
        columns = {t: values[:, i] for i, t in enumerate(self.found.terms)}
        return to_native(Table(columns), self.data)

    def tidy(self) -> Any:
        """``term estimate bias std_error n``."""
        return to_native(bootstrap_table(self.found), self.data)

    def confint(
        self,
        level: float = 0.95,
        *,
        kind: str = "percentile",
        params: Sequence[str] | None = None,
    ) -> Any:
        """Intervals ``term conf_low conf_high``: ``"percentile"``, ``"basic"`` or ``"bca"``."""
        return to_native(bootstrap_interval(self.found, level, kind, params), self.data)

    def __repr__(self) -> str:
        from nestwise.present.resampled import bootstrap_text

        return bootstrap_text(self.found)

    _repr_html_ = printed_html


@final
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ComparisonResult:
    """A bootstrap likelihood-ratio test; ``nw.pb_compare(m0, m1)`` makes it.

    Parameters
    ----------
    found : Comparison
        The frozen numbers.
    data : table
        The caller's data: tables come back in its kind.

    Examples
    --------
    >>> import nestwise as nw
    >>> data = nw.load_dataset("sleepstudy")
    >>> m0, m1 = nw.lm("Reaction ~ 1", data), nw.lm("Reaction ~ Days", data)
    >>> nw.pb_compare(m0, m1, n=50, seed=1).df
    1
    """

    found: Comparison
    data: Any

    @property
    def p_value(self) -> float:
        """Bootstrap p value."""
        return self.found.p_value

    @property
    def statistic(self) -> float:
        """Observed likelihood ratio."""
        return self.found.statistic

    @property
    def df(self) -> int:
        """Difference in the numbers of parameters."""
        return self.found.df

    @property
    def n_done(self) -> int:
        """Simulations that were computed, failed ones included."""
        return self.found.n_done

    @property
    def n_failed(self) -> int:
        """Simulations to which a model could not be fitted."""
        return self.found.n_failed

    @property
    def stopped_early(self) -> bool:
        """Whether there were enough exceedances before the last simulation."""
        return self.found.stopped_early

    @property
    def simulated(self) -> Any:
        """(n,) simulated likelihood ratios (a copy)."""
        return np.array(self.found.simulated)

    def tidy(self) -> Any:
        """``test statistic df ddf p_value``."""
        return to_native(comparison_table(self.found), self.data)

    def __repr__(self) -> str:
        from nestwise.present.resampled import comparison_text

        return comparison_text(self.found)

    _repr_html_ = printed_html


def earlier(resume: object) -> Bootstrap | None:
    """The numbers of an earlier bootstrap, to go on with; None when there is none."""
    if resume is None:
        return None
    if not isinstance(resume, BootstrapResult):
        raise OptionError(f"resume={resume!r} is not what an earlier bootstrap() returned")
    return resume.found


__all__ = ["BootstrapResult", "ComparisonResult", "ProfileResult", "earlier"]
