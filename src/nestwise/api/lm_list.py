"""Regressions per group as users hold them: every method is a delegation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.api.source import Source, to_native
from nestwise.design import build
from nestwise.fit.group_regressions import GroupRegressions, fit_groups
from nestwise.formula.grouped import grouped_formula
from nestwise.inference import group_tables


@final
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RegressionList:
    """A regression for every group; `lm_list` makes it.

    Parameters
    ----------
    fit : GroupRegressions
        The frozen numbers.
    source : Source
        The caller's table and settings.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lm_list("Reaction ~ Days | Subject", nw.load_dataset("sleepstudy"))
    >>> round(m.sigma, 3), m.df_resid, m.n_groups
    (25.592, 144, {'Subject': 18})
    """

    fit: GroupRegressions
    source: Source

    @property
    def sigma(self) -> float:
        """Pooled residual standard deviation."""
        return self.fit.sigma

    @property
    def df_resid(self) -> int:
        """Rows less all coefficients of all groups."""
        return self.fit.df_resid

    @property
    def nobs(self) -> int:
        """Rows used."""
        return self.fit.design.y.size

    @property
    def n_groups(self) -> dict[str, int]:
        """Number of groups by the name of the grouping factor."""
        return {factor.name: factor.n_levels for factor in self.fit.design.factors}

    @property
    def formula(self) -> str:
        """The formula as written."""
        return self.source.formula

    def coef(self) -> Any:
        """``group level term estimate``; NaN where a group does not determine a coefficient."""
        return to_native(group_tables.group_coef(self.fit), self.source.data)

    def tidy(self, *, pool: bool = True, conf_int: bool = False, conf_level: float = 0.95) -> Any:
        """``group level term estimate std_error statistic df p_value [conf_low conf_high]``."""
        level = conf_level if conf_int else None
        table = group_tables.group_coefficients(self.fit, pool=pool, level=level)
        return to_native(table, self.source.data)

    def confint(self, *, level: float = 0.95, pool: bool = True) -> Any:
        """Intervals of every group's coefficients, with the pooled residual or each group's own.

        lme4's ``confint`` of an ``lmList`` has ``pool = FALSE`` by default.
        """
        return self.tidy(pool=pool, conf_int=True, conf_level=level)

    def means(self) -> Any:
        """``term estimate std_error statistic df p_value sd n_groups``: over the groups."""
        return to_native(group_tables.mean_coefficients(self.fit), self.source.data)

    def groups(self) -> Any:
        """``group level n rank df_resid sigma undetermined``: every group by itself."""
        return to_native(group_tables.group_summary(self.fit), self.source.data)

    def fitted(self) -> FloatArray:
        """Fitted values of the rows used."""
        return group_tables.group_fitted(self.fit)

    def residuals(self) -> FloatArray:
        """Response less fitted values."""
        return np.asarray(self.fit.design.y - group_tables.group_fitted(self.fit))

    def summary(self) -> str:
        """Every group's coefficients with pooled standard errors, as text."""
        from nestwise.present.grouptext import group_text

        return group_text(self.fit, self.formula, full=True)

    def __str__(self) -> str:
        from nestwise.present.grouptext import group_text

        return group_text(self.fit, self.formula, full=False)

    def __repr__(self) -> str:
        return f"<RegressionList {self.formula!r}: {len(self.fit.labels)} groups>"

    def _repr_html_(self) -> str:
        from nestwise.present.grouptext import problem_lines
        from nestwise.present.tablehtml import page_html

        title = f"A linear model for each group: {self.formula}"
        coefficients = group_tables.group_coefficients(self.fit)
        tables = [
            ("Over the groups (each counts once)", group_tables.mean_coefficients(self.fit)),
            ("Coefficients (pooled residual variance)", coefficients),
        ]
        return page_html(title, tables, [s.strip() for s in problem_lines(self.fit) if s])


def lm_list(
    formula: str,
    data: Any,
    *,
    weights: Any = None,
    offset: Any = None,
    contrasts: Mapping[str, Any] | None = None,
    na_action: str = "drop",
    functions: Mapping[str, Callable[..., Any]] | None = None,
) -> RegressionList:
    """Fit a regression for every group, as lme4's ``lmList``.

    The model matrix is made once, from all rows, so that a coefficient means the same in every
    group: factors keep their reference level and ``poly(x, 2)`` its polynomials (R makes them
    anew in every group). Where a group does not determine a coefficient, because the column is
    constant in it or its rows are too few, that coefficient is NaN and the others are estimated.

    Parameters
    ----------
    formula : str
        ``"y ~ x | g"``; the group is a column or a combination ``a:b``.
    data : table
        pandas, polars or pyarrow table, or a dict of columns; never changed.
    weights, offset, contrasts, na_action, functions
        As for `lm`. With weights the pooled residual variance is weighted, as `lm`'s is.

    Returns
    -------
    RegressionList

    Raises
    ------
    NestwiseError
        When formula, data or options are not right, or nothing is left for the residual variance.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lm_list("Reaction ~ Days | Subject", nw.load_dataset("sleepstudy"))
    >>> m.coef()["estimate"].head(2).round(3).tolist()
    [244.193, 21.765]
    """
    settings = {
        "weights": weights,
        "offset": offset,
        "contrasts": contrasts,
        "na_action": na_action,
        "functions": functions,
    }
    design = build(grouped_formula(formula), data, **settings)
    return RegressionList(fit_groups(design), Source(data, formula, settings))


__all__ = ["RegressionList", "lm_list"]
