"""Marginal means and contrasts as users hold them: every method is a delegation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, final

from nestwise._base.printed import printed_html
from nestwise.api.source import to_native
from nestwise.inference.emmeans import contrasts as family
from nestwise.inference.emmeans import means as marginal
from nestwise.inference.emmeans.specs import Names
from nestwise.inference.emmeans.trends import emtrends
from nestwise.inference.kinds import Fit


@final
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Contrasts:
    """Contrasts of marginal means; prints as R's emmeans does.

    Parameters
    ----------
    contrasts : MarginalContrasts
        The frozen numbers.
    data : table
        The caller's table: answers come in its kind.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("angle ~ recipe + temp + (1 | recipe:replicate)", nw.load_dataset("cake"))
    >>> m.emmeans("recipe").pairs(adjust="holm")["p_value"].round(3).tolist()
    [1.0, 1.0, 1.0]
    """

    contrasts: family.MarginalContrasts
    data: Any

    @property
    def table(self) -> Any:
        """``contrast``, grouping columns, ``estimate se df t_ratio p_value``."""
        return to_native(family.contrast_table(self.contrasts), self.data)

    @property
    def columns(self) -> list[str]:
        """Names of the columns of the table."""
        return list(family.contrast_table(self.contrasts))

    def confint(self, level: float | None = None) -> Any:
        """Simultaneous intervals: as the table, with ``lower upper`` in place of the tests."""
        return to_native(family.contrast_intervals(self.contrasts, level), self.data)

    def __getitem__(self, name: str) -> Any:
        return self.table[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.contrasts.rows.L)

    def __str__(self) -> str:
        from nestwise.present.emmeanstext import contrasts_text

        return contrasts_text(self.contrasts)

    def __repr__(self) -> str:
        return str(self)

    _repr_html_ = printed_html


@final
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class EstimatedMeans:
    """Estimated marginal means, or trends; prints as R's emmeans does.

    Parameters
    ----------
    means : MarginalMeans
        The frozen numbers.
    data : table
        The caller's table: answers come in its kind.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("angle ~ recipe + temp + (1 | recipe:replicate)", nw.load_dataset("cake"))
    >>> print(m.emmeans("recipe"))
     recipe emmean   SE df lower.CL upper.CL
     A        33.1 1.74 42     29.6     36.6
     B        31.6 1.74 42     28.1     35.1
     C        31.6 1.74 42     28.1     35.1
    <BLANKLINE>
    Degrees-of-freedom method: satterthwaite
    Confidence level used: 0.95
    """

    means: marginal.MarginalMeans
    data: Any

    @property
    def table(self) -> Any:
        """The label columns, then ``emmean se df lower upper``."""
        return to_native(marginal.table(self.means), self.data)

    @property
    def columns(self) -> list[str]:
        """Names of the columns of the table."""
        return list(marginal.table(self.means))

    def confint(self, level: float | None = None) -> Any:
        """The table with intervals of another level."""
        return to_native(marginal.table(self.means, level), self.data)

    def pairs(self, adjust: str | None = None, *, reverse: bool = False) -> Contrasts:
        """All pairwise differences within each group, adjusted by Tukey's method by default."""
        return self.contrast("revpairwise" if reverse else "pairwise", adjust=adjust)

    def contrast(self, method: Any = "eff", *, adjust: str | None = None) -> Contrasts:
        """Contrasts by name, or names to weights; see `nestwise.inference.emmeans.contrasts`."""
        return Contrasts(family.contrast(self.means, method, adjust), self.data)

    def __getitem__(self, name: str) -> Any:
        return self.table[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.means.rows.L)

    def __str__(self) -> str:
        from nestwise.present.emmeanstext import means_text

        return means_text(self.means)

    def __repr__(self) -> str:
        return str(self)

    _repr_html_ = printed_html


def estimated_means(fit: Fit, data: Any, specs: Names, **options: Any) -> EstimatedMeans:
    """Marginal means of a fit; `options` as in `nestwise.inference.emmeans.means.emmeans`."""
    return EstimatedMeans(marginal.emmeans(fit, data, specs, **options), data)


def estimated_trends(fit: Fit, data: Any, specs: Names, var: str, **options: Any) -> EstimatedMeans:
    """Marginal slopes of a fit; `options` as in `nestwise.inference.emmeans.trends.emtrends`."""
    return EstimatedMeans(emtrends(fit, data, specs, var, **options), data)
