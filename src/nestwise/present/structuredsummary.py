"""The summary of a fit with structured residuals, as text."""

from __future__ import annotations

from nestwise.fit.structured_result import StructuredFit
from nestwise.inference.coefficients import coefficients
from nestwise.inference.fitmeasures import fit_measures
from nestwise.inference.residuals import residual_quantiles
from nestwise.inference.varcorr import varcorr
from nestwise.present.correlation import MOST, correlation_lines
from nestwise.present.linebreak import break_lines, filled
from nestwise.present.notes import note_lines
from nestwise.present.quantiles import criteria_lines, quantile_lines
from nestwise.present.randomtable import random_effects_lines
from nestwise.present.residualtable import residual_lines
from nestwise.present.summary import TESTS, Summary, fixed_lines, observation_line

MORE_TESTS = {
    "kenward-roger-linear": "t-tests use Kenward-Roger's method without second derivatives",
    "CR0": "t-tests use the sandwich CR0",
    "CR2": "t-tests use the sandwich CR2",
    "CR3": "t-tests use the sandwich CR3",
}


def structured_summary(fit: StructuredFit, ddf: str | None = None) -> Summary:
    """Summarise a fit with structured residuals.

    Parameters
    ----------
    fit : StructuredFit
        The fit.
    ddf : str, optional
        Degrees of freedom, as in `nestwise.inference.ddf`; Satterthwaite's by default.

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
    >>> data = nw.load_dataset("sleepstudy")
    >>> m = nw.gls("Reaction ~ Days", data, residual="ar1(Days | Subject)")
    >>> print(structured_summary(m.fit).lines[2])
    Residuals: ar1(Days | Subject)
    """
    method = "satterthwaite" if ddf is None else ddf
    table, components = coefficients(fit, method), varcorr(fit)
    quantiles = residual_quantiles(fit, "pearson")
    m, design = fit_measures(fit), fit.design
    lines = [
        *_header(fit, method),
        "",
        *criteria_lines(m.aic, m.bic, m.loglik, fit.criterion, m.df_resid),
        "",
        "Pearson residuals: ",
        *quantile_lines([float(q) for q in quantiles]),
    ]
    if design.terms:
        lines += ["", "Random effects:", *random_effects_lines(components)]
    lines += ["", *residual_lines(fit), "", _observations(fit)]
    if table.names:
        lines += ["", "Fixed effects:", *fixed_lines(table)]
    if 1 < len(table.names) <= MOST:
        correlations = correlation_lines(table.names, fit.unscaled_vcov)
        lines += ["", "Correlation of Fixed Effects:", *correlations]
    lines += note_lines(design, fit.diagnostics, [])
    titles = lines[0], design.formula.printed
    return Summary(table, components, quantiles, tuple(lines), *titles)


def _header(fit: StructuredFit, ddf: str) -> list[str]:
    kind = "Linear mixed model" if fit.design.terms else "Generalised least squares"
    method = "REML" if fit.reml else "maximum likelihood"
    lines = [f"{kind} fit by {method}. {TESTS.get(ddf) or MORE_TESTS[ddf]}"]
    lines += filled("Formula:", break_lines(fit.design.formula.printed))
    part = fit.design.residual
    if part is not None and part.request.residual is not None:
        lines.append(f"Residuals: {part.request.residual.text}")
    if part is not None and part.request.variance is not None:
        lines.append(f"Variance: {part.request.variance.text}")
    return lines


def _observations(fit: StructuredFit) -> str:
    design, part = fit.design, fit.design.residual
    groups = [(f.name, f.n_levels) for f in design.factors]
    if part is not None and part.subject is not None:
        known = {name for name, _ in groups}
        if part.subject.name not in known:
            groups.insert(0, (part.subject.name, part.subject.n_levels))
    if not groups:
        return f"Number of obs: {design.y.size}"
    return observation_line(design.y.size, groups)
