"""The comparison of approaches in the caller's own kind of tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

from nestwise._base.diagnostic import Diagnostic
from nestwise.api.linear import LinearModel
from nestwise.api.lm_list import RegressionList
from nestwise.api.mixed import MixedModel
from nestwise.api.source import Source, to_native
from nestwise.fit.group_regressions import GroupRegressions
from nestwise.fit.result import LmFit, LmmFit
from nestwise.workflow.approaches.comparison import Comparison, compare


@final
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Approaches:
    """What `compare_approaches` found; prints as a page of text.

    Parameters
    ----------
    found : Comparison
        Fits, tables and notes.
    data : table
        The caller's data.
    """

    found: Comparison
    data: Any

    @property
    def table(self) -> Any:
        """One row for each approach and coefficient: see `compare_approaches`."""
        return to_native(self.found.estimates, self.data)

    @property
    def approaches(self) -> Any:
        """``approach groups n_rows n_par sigma r2 r2_fixed aic formula words problem``."""
        return to_native(self.found.summary, self.data)

    @property
    def variances(self) -> Any:
        """Variance, its share, intraclass correlation and design effect of each level."""
        return to_native(self.found.variances, self.data)

    @property
    def slopes(self) -> Any:
        """Effects within groups and between their means, and whether they differ."""
        return to_native(self.found.slopes, self.data)

    @property
    def notes(self) -> tuple[Diagnostic, ...]:
        """What goes wrong with each approach for these data, in sentences."""
        return self.found.notes

    @property
    def reference(self) -> str:
        """The approach whose standard errors the others are measured by."""
        return self.found.reference.name

    @property
    def models(self) -> dict[str, LinearModel | MixedModel | RegressionList]:
        """The fitted models by approach; with several levels ``"random intercept (school)"``."""
        return fitted_models(self.found)

    def __str__(self) -> str:
        from nestwise.present.approachtext import approaches_text

        f = self.found
        tables = (f.estimates, f.summary, f.variances)
        return approaches_text(f.setup.formula, f.reference.name, *tables, f.notes)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        from nestwise.present.approachtext import approaches_html

        f = self.found
        return approaches_html(f.setup.formula, f.estimates, f.summary, f.variances, f.notes)


def fitted_models(found: Comparison) -> dict[str, LinearModel | MixedModel | RegressionList]:
    """The approaches that are models by themselves, as users hold them.

    Examples
    --------
    >>> import nestwise as nw
    >>> c = nw.compare_approaches("normexam ~ standLRT", nw.load_dataset("Exam"), groups="school")
    >>> list(c.models)
    ['pooled', 'regression per group', 'random intercept', 'random slopes']
    """
    several = len(found.setup.levels) > 1
    models: dict[str, LinearModel | MixedModel | RegressionList] = {}
    for approach in found.approaches:
        if not approach.formula:
            continue
        setup = found.setup
        settings: dict[str, Any] = {
            "contrasts": setup.contrasts,
            "weights": setup.weights,
            "offset": setup.offset,
        }
        source = Source(found.setup.data, approach.formula, settings)
        by = f" ({approach.groups})" if several and "," not in approach.groups else ""
        name = f"{approach.name}{by if approach.groups else ''}"
        if isinstance(approach.fit, LmFit):
            models[name] = LinearModel(approach.fit, source)
        elif isinstance(approach.fit, LmmFit):
            models[name] = MixedModel(approach.fit, source)
        elif isinstance(approach.fit, GroupRegressions):
            models[name] = RegressionList(approach.fit, source)
    return models


def compare_approaches(
    formula: str,
    data: Any,
    *,
    groups: str | Sequence[str],
    slopes: str | Sequence[str] | None = None,
    ddf: str = "satterthwaite",
    contrasts: Mapping[str, str] | None = None,
    weights: Any = None,
    offset: Any = None,
) -> Approaches:
    """The same question asked of grouped data in every usual way, side by side.

    Fits pooled regression, regression of the group means, a regression per group, groups as fixed
    effects without and with interactions, random intercepts at each level, at all levels, and
    random slopes, all to the same rows; says what each can estimate, what it costs, and what goes
    wrong with it for these data.

    Parameters
    ----------
    formula : str
        The fixed part: ``"gain ~ prior + sex"``.
    data : table
        pandas, polars or pyarrow table, or a dict of columns; never changed.
    groups : str or sequence of str
        Grouping columns from the outermost to the innermost. Labels that start anew in every outer
        group are taken with it, and a note says so.
    slopes : str or sequence of str, optional
        Terms whose slopes vary in the last approach; by default the first covariate that varies
        within groups. They vary at the outermost level that has ten groups or more.
    ddf : str
        Degrees of freedom of the mixed models, as for `MixedModel.summary`.
    contrasts : mapping of str to str, optional
        Coding of factors.
    weights, offset : str or array-like, optional
        Prior weights and a known part of the response: a column or its values. Group means are then
        weighted means of what the offset leaves.

    Returns
    -------
    Approaches
        `table`: ``approach groups term level estimate std_error df statistic p_value se_ratio
        reason n_rows n_par sigma r2 r2_fixed aic``. `level` is where the term varies; `se_ratio`
        its standard error over that of the multilevel model (below 1: too small); `reason` why an
        approach does not give it. `r2` counts all that the approach accounts for (conditional for
        mixed models), `r2_fixed` the fixed effects; `aic` is by maximum likelihood, NaN for means.
        Further tables `approaches`, `variances`, `slopes`, then `notes` and `models`.

    Raises
    ------
    NestwiseError
        When formula, data or options are not right, or the multilevel model cannot be fitted.

    Source
    ------
    Snijders & Bosker (2012), Multilevel Analysis, chapters 3 and 4; Kish (1965), Survey Sampling,
    for the design effect; Robinson (1950), Am. Sociol. Rev. 15, 351-357, for the ecological
    fallacy.

    Examples
    --------
    >>> import nestwise as nw
    >>> exam = nw.load_dataset("Exam")
    >>> c = nw.compare_approaches("normexam ~ standLRT + schavg", exam, groups="school")
    >>> t = c.table.set_index(["approach", "term"])
    >>> t.loc[("pooled", "schavg"), "se_ratio"].round(2).item()
    0.37
    >>> t.loc[("fixed effects", "schavg"), "reason"]
    'constant within school'
    """
    found = compare(formula, data, groups, slopes, ddf, contrasts, weights, offset)
    return Approaches(found, data)


__all__ = ["Approaches", "compare_approaches", "fitted_models"]
