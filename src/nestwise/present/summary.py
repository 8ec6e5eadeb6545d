"""The summary of a fit: an object that prints as R's summary does."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.table import Table
from nestwise.design.response import success_text
from nestwise.fit.glmm_result import GlmmFit
from nestwise.fit.result import LmFit, LmmFit
from nestwise.inference.coefficients import Coefficients, coefficients
from nestwise.inference.ddf import ddf_name
from nestwise.inference.fitmeasures import fit_measures
from nestwise.inference.kinds import Fit, MixedFit
from nestwise.inference.residuals import residual_quantiles
from nestwise.inference.varcorr import varcorr
from nestwise.inference.wald import vcov
from nestwise.present.coefmat import coefficient_lines
from nestwise.present.correlation import MOST, correlation_lines
from nestwise.present.linebreak import break_lines, filled
from nestwise.present.lmsummary import lm_lines
from nestwise.present.notes import note_lines
from nestwise.present.quantiles import criteria_lines, quantile_lines
from nestwise.present.randomtable import random_effects_lines
from nestwise.present.rformat import cat, round_places, signif

TESTS = {
    "satterthwaite": "t-tests use Satterthwaite's method",
    "kenward-roger": "t-tests use Kenward-Roger's method",
    "between-within": "t-tests use between-within degrees of freedom",
    "normal": "z-tests treat the statistics as normal",
    "residual": "t-tests use the residual degrees of freedom",
}


@dataclass(frozen=True, slots=True, eq=False)
class Summary:
    """A summary of a fit; ``str(summary)`` is its text.

    Parameters
    ----------
    coefficients : Coefficients
        The tests of the fixed effects.
    varcorr : Table or None
        Variance components; None for a linear model.
    residual_quantiles : (5,) float64
        Minimum, quartiles, maximum: scaled residuals of a mixed model, (weighted) residuals of
        a linear model.
    lines : tuple of str
        The text.
    title, formula : str
        What `to_html` and `to_latex` put over their tables.

    Examples
    --------
    >>> print(Summary(None, None, None, ("Linear mixed model fit by REML.",)))
    Linear mixed model fit by REML.
    """

    coefficients: Coefficients
    varcorr: Table | None
    residual_quantiles: FloatArray
    lines: tuple[str, ...]
    title: str = ""
    formula: str = ""

    def __str__(self) -> str:
        return "\n".join(self.lines)

    def __repr__(self) -> str:
        return str(self)

    def to_html(self) -> str:
        """Fixed effects and variance components as HTML tables, with captions and scopes."""
        from nestwise.present.html import summary_html

        return summary_html(self.title, self.formula, self.coefficients, self.varcorr)

    def to_latex(self) -> str:
        """The same as LaTeX tables (``\\usepackage{booktabs}``)."""
        from nestwise.present.latex import summary_latex

        return summary_latex(self.title, self.formula, self.coefficients, self.varcorr)

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


def lmm_summary(fit: LmmFit, ddf: str = "satterthwaite") -> Summary:
    """Summarise a linear mixed model as lmerTest does, then say what R leaves unsaid.

    Parameters
    ----------
    fit : LmmFit
        The fit.
    ddf : str
        Degrees of freedom: ``"satterthwaite"``, ``"kenward-roger"``, ``"between-within"``,
        ``"normal"`` (z tests) or ``"residual"``.

    Returns
    -------
    Summary

    Raises
    ------
    OptionError
        When `ddf` is not known.

    Examples
    --------
    >>> import nestwise as nw
    >>> model = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> print(lmm_summary(model.fit).lines[3])
    REML criterion at convergence: 1743.6
    """
    ddf = ddf_name(fit, ddf)
    return _mixed_summary(fit, ddf, header_lines(fit.reml, ddf, fit.design.formula.printed))


def glmm_summary(fit: GlmmFit) -> Summary:
    """Summarise a generalised linear mixed model as lme4 does.

    Parameters
    ----------
    fit : GlmmFit
        The fit.

    Returns
    -------
    Summary

    Examples
    --------
    >>> import nestwise as nw
    >>> model = nw.glmer("incidence / size ~ period + (1 | herd)", nw.load_dataset("cbpp"),
    ...     weights="size")
    >>> print(glmm_summary(model.fit).lines[1])
     Family: binomial  ( logit )
    """
    return _mixed_summary(fit, "normal", glmm_header_lines(fit))


def _mixed_summary(fit: MixedFit, ddf: str, header: list[str]) -> Summary:
    table, components = coefficients(fit, ddf), varcorr(fit)
    quantiles = residual_quantiles(fit, "scaled")
    design = fit.design
    names, p = design.fixed.names, len(design.fixed.names)
    lines = [
        *header,
        "",
        *_criterion_lines(fit),
        "",
        "Scaled residuals: ",
        *quantile_lines([float(q) for q in quantiles]),
        "",
        "Random effects:",
        *random_effects_lines(components),
        observation_line(design.y.size, [(f.name, f.n_levels) for f in design.factors]),
    ]
    if p:
        lines += ["", "Fixed effects:", *fixed_lines(table)]
    if 1 < p <= MOST:
        correlations = correlation_lines(names, vcov(fit))
        lines += ["", "Correlation of Fixed Effects:", *correlations]
    hidden = f"Correlation of fixed effects not shown, as p = {p} > {MOST}; see vcov()."
    weighted = not isinstance(fit, GlmmFit)
    lines += note_lines(design, fit.diagnostics, [hidden] if p > MOST else [], weighted)
    titles = header[0], design.formula.printed
    return Summary(table, components, quantiles, tuple(lines), *titles)


def lm_summary(fit: LmFit) -> Summary:
    """Summarise a linear model as R's ``summary.lm`` does.

    Parameters
    ----------
    fit : LmFit
        The fit.

    Returns
    -------
    Summary

    Examples
    --------
    >>> import nestwise as nw
    >>> model = nw.lm("Reaction ~ Days", nw.load_dataset("sleepstudy"))
    >>> print(lm_summary(model.fit).lines[-2])
    Multiple R-squared:  0.2865,	Adjusted R-squared:  0.2825
    """
    table = coefficients(fit)
    quantiles = residual_quantiles(fit, "pearson")
    lines = lm_lines(fit, table, quantiles)
    remarks = [d for d in fit.diagnostics if d.code != "rank-deficient"]
    lines += note_lines(fit.design, remarks, [])
    titles = "Linear model", fit.design.formula.printed
    return Summary(table, None, quantiles, tuple(lines), *titles)


def header_lines(reml: bool, ddf: str, formula: str) -> list[str]:
    """How the model was fitted and tested, and its formula.

    Examples
    --------
    >>> header_lines(True, "satterthwaite", "y ~ x + (1 | g)")[1]
    'Formula: y ~ x + (1 | g)'
    """
    method = "REML" if reml else "maximum likelihood"
    title = f"Linear mixed model fit by {method}. {TESTS[ddf]}"
    return [title, *filled("Formula:", break_lines(formula))]


def glmm_header_lines(fit: GlmmFit) -> list[str]:
    """How a GLMM was fitted, its family and formula, and what counts as success."""
    how = "Laplace Approximation"
    if fit.n_agq > 1:
        how = f"Adaptive Gauss-Hermite Quadrature, nAGQ = {fit.n_agq}"
    name = fit.family.name
    if fit.phi is not None and fit.family.dispersion == "shape":
        name = f"{name}({signif(fit.phi, 4):.10g})"
    design = fit.design
    success = success_text(design.formula.response_label, design.encoder.categories)
    return [
        f"Generalized linear mixed model fit by maximum likelihood ({how})",
        f" Family: {name}  ( {fit.link.name} )",
        *filled("Formula:", break_lines(design.formula.printed)),
        *([f"Response: {success}"] if success else []),
    ]


def observation_line(n: int, groups: Sequence[tuple[str, int]]) -> str:
    """Rows and levels.

    Examples
    --------
    >>> observation_line(60, [("cask:batch", 30), ("batch", 10)])
    'Number of obs: 60, groups:  cask:batch, 30; batch, 10'
    """
    return f"Number of obs: {n}, groups:  " + "; ".join(f"{g}, {k}" for g, k in groups)


def fixed_lines(table: Coefficients) -> list[str]:
    """The table of fixed effects with t tests, or z tests when the df are infinite.

    Examples
    --------
    >>> import numpy as np
    >>> from nestwise.inference.coefficients import Coefficients
    >>> one = np.array([1.0])
    >>> print(*fixed_lines(Coefficients(("x",), one, one / 2, one * np.inf, 2 * one, one / 25,
    ...     "normal")), sep="\\n")
      Estimate Std. Error z value Pr(>|z|)
    x      1.0        0.5       2     0.04 *
    ---
    Signif. codes:  0 ‘***’ 0.001 ‘**’ 0.01 ‘*’ 0.05 ‘.’ 0.1 ‘ ’ 1
    """
    estimates = [("Estimate", table.estimate), ("Std. Error", table.std_error)]
    sign = "z" if bool(np.all(np.isinf(table.df))) else "t"
    if sign == "t":
        estimates.append(("df", table.df))
    return coefficient_lines(
        table.names,
        estimates,
        (f"{sign} value", table.statistic),
        (f"Pr(>|{sign}|)", table.p_value),
    )


def _criterion_lines(fit: Fit) -> list[str]:
    if isinstance(fit, LmmFit) and fit.reml:
        return [f"REML criterion at convergence: {cat(round_places(fit.criterion, 1))}"]
    m = fit_measures(fit)
    return criteria_lines(m.aic, m.bic, m.loglik, -2.0 * m.loglik, m.df_resid)


__all__ = ["Summary", "glmm_summary", "lm_summary", "lmm_summary"]
