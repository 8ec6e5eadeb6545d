"""A fitted linear (mixed) model as an equation in MathML."""

from __future__ import annotations

from nestwise.design.model import Design, RandomTerm
from nestwise.inference.kinds import Fit, GlmmFit, StructuredFit
from nestwise.inference.varcorr import TermCovariance, term_covariances
from nestwise.present.report.mathml import (
    display,
    fenced,
    figure,
    matrix,
    name,
    operator,
    row,
    squared,
    sub,
    symbol,
)
from nestwise.present.report.numbers import number

LONG = 14
"""With more fixed effects than this the middle ones are left to the table."""


def equation(fit: Fit) -> str:
    """The model's equation with the estimated variances.

    Parameters
    ----------
    fit : LmmFit or LmFit
        The fit.

    Returns
    -------
    str
        MathML: the response as a sum, a term a line, and the distributions below it.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> text = equation(m.fit)
    >>> text.count("<mtr>") > 5, "Subject" in text
    (True, True)
    """
    design = fit.design
    parts = [*_fixed(design), *_offset(design), *_random(design)]
    response = sub(name(design.formula.response_label), symbol("i"))
    if isinstance(fit, GlmmFit):
        response = row(name(fit.link.name), fenced(sub(symbol("μ"), symbol("i"))))
    else:
        parts.append(sub(symbol("ε"), symbol("i")))
    lines = [(response, row(operator("="), parts[0]))]
    lines += [("", row(operator("+"), part)) for part in parts[1:]]
    lines += [
        _distribution(term, covariance, place)
        for place, (term, covariance) in enumerate(
            zip(design.terms, term_covariances(fit), strict=True)
        )
    ]
    lines.append(_residual(fit))
    return display(lines, _in_words(design))


def _fixed(design: Design) -> list[str]:
    names = design.fixed.names
    shown = list(range(len(names)))
    parts = []
    if len(names) > LONG:
        shown = [*range(LONG - 3), len(names) - 1]
    for place, j in enumerate(shown):
        if place and j - shown[place - 1] > 1:
            parts.append(operator("…"))
        beta = sub(symbol("β"), figure(str(j)))
        column = "" if names[j] == "(Intercept)" else sub(name(names[j]), symbol("i"))
        parts.append(row(beta, column))
    return parts or [figure("0")]


def _offset(design: Design) -> list[str]:
    return [] if design.offset is None else [sub(name("offset"), symbol("i"))]


def _letter(place: int) -> str:
    """b for the first random term, then c, d ..."""
    return "bcdfghklmnopqrstuvwxz"[place % 21]


def _of_row(term: RandomTerm, design: Design) -> str:
    return row(name(design.factors[term.factor].name), operator("("), symbol("i"), operator(")"))


def _random(design: Design) -> list[str]:
    parts = []
    for place, term in enumerate(design.terms):
        for k, column in enumerate(term.columns):
            effect = sub(
                symbol(_letter(place)), figure(str(k)), operator(","), _of_row(term, design)
            )
            factor = "" if column == "(Intercept)" else sub(name(column), symbol("i"))
            parts.append(row(effect, factor))
    return parts


def _distribution(term: RandomTerm, found: TermCovariance, place: int) -> tuple[str, str]:
    letter = _letter(place)
    effects = [sub(symbol(letter), figure(str(k))) for k in range(len(term.columns))]
    if len(effects) == 1:
        variance = squared(figure(number(float(found.sd[0]))))
        return effects[0], row(operator("~"), symbol("N"), fenced(figure("0"), variance))
    cells = []
    for i in range(len(effects)):
        cells.append(
            [
                squared(figure(number(float(found.sd[i]))))
                if i == j
                else figure(number(float(found.covariance[i, j])))
                for j in range(len(effects))
            ]
        )
    return fenced(*effects), row(operator("~"), symbol("N"), fenced(symbol("0"), matrix(cells)))


def _residual(fit: Fit) -> tuple[str, str]:
    if isinstance(fit, GlmmFit):
        left = sub(name(fit.design.formula.response_label), symbol("i"))
        parts = [sub(symbol("μ"), symbol("i"))]
        if fit.design.weights is not None and fit.family.trials:
            parts.append(sub(name("trials"), symbol("i")))
        if fit.phi is not None:
            parts.append(row(symbol("φ"), operator("="), figure(number(fit.phi))))
        return left, row(operator("~"), name(fit.family.name), fenced(*parts))
    variance = squared(figure(number(fit.sigma)))
    if isinstance(fit, StructuredFit):
        return symbol("ε"), row(
            operator("~"), symbol("N"), fenced(figure("0"), row(variance, symbol("R")))
        )
    if fit.design.weights is not None:
        variance = row(variance, operator("/"), sub(name("weight"), symbol("i")))
    return sub(symbol("ε"), symbol("i")), row(
        operator("~"), symbol("N"), fenced(figure("0"), variance)
    )


def _in_words(design: Design) -> str:
    names = [n for n in design.fixed.names if n != "(Intercept)"]
    words = f"{design.formula.response_label} is a sum of an intercept"
    if names:
        words += f", coefficients times {', '.join(names)}"
    for term in design.terms:
        columns = ", ".join(term.columns)
        words += f", effects of {design.factors[term.factor].name} on {columns}"
    return f"{words}, and a residual"


__all__ = ["equation"]
