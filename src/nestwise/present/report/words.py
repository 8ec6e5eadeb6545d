"""The question, the model and its coefficients in sentences."""

from __future__ import annotations

import numpy as np

from nestwise.design.model import Design, FixedPart
from nestwise.design.values import Factor, Logical, Numeric, Value
from nestwise.inference.emmeans.transform import scale_of
from nestwise.inference.kinds import Fit, GlmmFit, LmFit, StructuredFit
from nestwise.inference.varcorr import term_covariances
from nestwise.present.report.kinds import (
    distribution,
    estimation_in_words,
    ratio_name,
    structure_in_words,
)
from nestwise.present.report.numbers import count, listed, number


def predictors(fit: Fit) -> list[str]:
    """Labels of the variables of the fixed effects, each once.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lm("angle ~ recipe * temp", nw.load_dataset("cake"))
    >>> predictors(m.fit)
    ['recipe', 'temp']
    """
    return list(dict.fromkeys(v for term in fit.design.fixed.variables for v in term))


def slopes(design: Design) -> list[tuple[str, str]]:
    """(column, grouping factor) of every random slope."""
    return [
        (column, design.factors[term.factor].name)
        for term in design.terms
        for column in term.columns
        if column != "(Intercept)"
    ]


def question(fit: Fit) -> str:
    """What the formula asks.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> print(question(m.fit))
    How does Reaction go with Days? How much of what is left lies between levels of Subject? Does
    the effect of Days differ between levels of Subject?
    """
    response = fit.design.formula.response_label
    found = predictors(fit)
    asked = []
    if found:
        asked.append(f"How does {response} go with {listed(found)}?")
    groups = [f.name for f in fit.design.factors]
    if groups:
        what = "what is left" if found else f"the variation of {response}"
        levels = listed([f"levels of {g}" for g in groups])
        asked.append(f"How much of {what} lies between {levels}?")
    elif not found:
        asked.append(f"What is the mean of {response}?")
    by_group: dict[str, list[str]] = {}
    for column, group in slopes(fit.design):
        by_group.setdefault(group, []).append(column)
    for group, columns in by_group.items():
        verb = "Does the effect" if len(columns) == 1 else "Do the effects"
        asked.append(f"{verb} of {listed(columns)} differ between levels of {group}?")
    return " ".join(asked)


def model_in_words(fit: Fit) -> list[str]:
    """What the model assumes, sentence by sentence.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> print(model_in_words(m.fit)[1])
    Each level of Subject has its own (Intercept) and Days: departures from the fixed effects,
    drawn from a normal distribution with standard deviations 24.74 and 5.922 and correlation
    0.07.
    """
    design = fit.design
    response = design.formula.response_label
    names = predictors(fit)
    what = f"expected {response}"
    if isinstance(fit, GlmmFit) and fit.link.name != "identity":
        what = f"{fit.link.name} of the expected {response}"
    start = (
        f"The {what} is the sum of an intercept and of coefficients times "
        f"{listed(names)}, the same for every row: the fixed effects."
        if names
        else f"The {what} is one mean, the intercept."
    )
    sentences = [start, *(_term(fit, t) for t in range(len(design.terms)))]
    sentences.append(_residual(fit))
    if isinstance(fit, LmFit):
        sentences.append("The coefficients are those of least squares.")
    else:
        sentences.append(f"The parameters are estimated by {estimation_in_words(fit)}.")
    return sentences


def _residual(fit: Fit) -> str:
    response = fit.design.formula.response_label
    if isinstance(fit, GlmmFit):
        given = "Given these effects, " if fit.design.terms else ""
        words = f"{given}{response} follows a {distribution(fit)} around what is expected"
        return words + (f", with dispersion {number(fit.phi)}." if fit.phi is not None else ".")
    words = f"What is left, the residual, is normal with standard deviation {number(fit.sigma)}"
    if isinstance(fit, StructuredFit):
        return f"{words}, not independent and alike but {structure_in_words(fit)}."
    return words + ("." if fit.design.weights is None else " for a row of weight one.")


def _term(fit: Fit, t: int) -> str:
    term = fit.design.terms[t]
    found = term_covariances(fit)[t]
    group = fit.design.factors[term.factor].name
    sds = listed([number(float(s)) for s in found.sd])
    plural = "s" if len(term.columns) > 1 else ""
    words = (
        f"Each level of {group} has its own {listed(list(term.columns))}: "
        f"departure{plural} from the fixed effects, drawn from a normal distribution with "
        f"standard deviation{plural} {sds}"
    )
    if len(term.columns) == 2 and found.correlated:
        words += f" and correlation {found.correlation[1, 0]:.2f}"
    elif plural:
        words += ", correlated" if found.correlated else ", uncorrelated"
    return words + "."


def coefficient_in_words(
    fit: Fit, j: int, estimate: float, interval: tuple[float, float], level: float
) -> str:
    """One fixed effect as a sentence.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lm("Reaction ~ Days", nw.load_dataset("sleepstudy"))
    >>> print(coefficient_in_words(m.fit, 1, 10.467, (8.0, 12.9), 0.95))
    One more Days goes with a difference of 10.47 in Reaction (95 % interval 8 to 12.90), all else
    equal.
    """
    fixed = fit.design.fixed
    response = fit.design.formula.response_label
    low, high = (number(v) for v in interval)
    between = f"({100 * level:g} % interval {low} to {high})"
    size = _size(fit, estimate)
    if isinstance(fit, GlmmFit):
        low, high = (number(v) for v in (np.exp(interval) if ratio_name(fit) else interval))
        between = f"({100 * level:g} % interval {low} to {high})"
    what = fixed.names[j]
    value = _variable_of(fixed, j)
    others = _held(fixed, j)
    if what == "(Intercept)" and isinstance(fit, GlmmFit):
        return _intercept(fit, estimate, interval, level)
    if what == "(Intercept)":
        zero = (
            " where every predictor is zero or at its reference level"
            if len(fixed.names) > 1
            else ""
        )
        return f"The expected {response}{zero} is {number(estimate)} {between}."
    if isinstance(value, Numeric) and what == fixed.terms[fixed.assign[j]]:
        if np.isin(fixed.X[:, j], (0.0, 1.0)).all():
            return f"{what} = 1, compared with 0, goes with {size} {between}{others}."
        return f"One more {what} goes with {size} {between}{others}."
    if isinstance(value, (Factor, Logical)) and _treatment(fixed, j, value):
        label = fixed.terms[fixed.assign[j]]
        level_name = what.removeprefix(label)
        reference = "FALSE" if isinstance(value, Logical) else str(value.levels[0])
        compared = f"{label} = {level_name}, compared with {reference},"
        return f"{compared} goes with {size} {between}{others}."
    return f"The coefficient of {what} is {number(estimate)} {between}."


def _size(fit: Fit, estimate: float) -> str:
    """What a coefficient adds, or multiplies by."""
    response = fit.design.formula.response_label
    if isinstance(fit, GlmmFit):
        name = ratio_name(fit)
        if name:
            what = f"the odds of {response}" if name == "Odds ratio" else f"the expected {response}"
            return f"{what} {number(float(np.exp(estimate)))} times as high"
        return f"a difference of {number(estimate)} in the {fit.link.name} of {response}"
    return f"a difference of {number(estimate)} in {response}"


def _held(fixed: FixedPart, j: int) -> str:
    """Under what a main effect holds: with an interaction only at the other predictors' zero."""
    if fixed.assign[j] < 0:
        return ""
    mine = set(fixed.variables[fixed.assign[j]])
    others = dict.fromkeys(
        v for variables in fixed.variables if mine < set(variables) for v in variables
    )
    partners = [v for v in others if v not in mine]
    if not partners:
        return ", all else equal"
    kinds = dict(fixed.prototypes)
    at = [
        f"{v} is {'zero' if isinstance(kinds.get(v), Numeric) else 'at its reference level'}"
        for v in partners
    ]
    return f", all else equal and where {listed(at)}"


def _intercept(fit: GlmmFit, estimate: float, ends: tuple[float, float], level: float) -> str:
    """The intercept of a generalised model, on the scale of the response."""
    scale = scale_of(fit)
    values = np.array([estimate, *ends])
    back = values if scale is None else scale.back(values)
    low, high = sorted(float(v) for v in back[1:])
    response = fit.design.formula.response_label
    what = "probability" if scale is not None and scale.shown == "prob" else "value"
    words = "where every predictor is zero or at its reference level and in a typical group"
    return (
        f"The expected {what} of {response} {words} is {number(float(back[0]))} "
        f"({100 * level:g} % interval {number(low)} to {number(high)})."
    )


def _variable_of(fixed: FixedPart, j: int) -> Value | None:
    """The only variable of a coefficient's term; None for the intercept and interactions."""
    if fixed.assign[j] < 0:
        return None
    variables = fixed.variables[fixed.assign[j]]
    return dict(fixed.prototypes).get(variables[0]) if len(variables) == 1 else None


def _treatment(fixed: FixedPart, j: int, value: Factor | Logical) -> bool:
    """Whether the coefficient compares a level with the first: zeros and ones, all others there."""
    label = fixed.terms[fixed.assign[j]]
    rest = fixed.names[j].removeprefix(label)
    known = {"TRUE"} if isinstance(value, Logical) else {str(v) for v in value.levels[1:]}
    column = fixed.X[:, j]
    return fixed.intercept and rest in known and bool(np.isin(column, (0.0, 1.0)).all())


def data_in_words(design: Design) -> str:
    """How many rows and levels were used.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> data_in_words(m.fit.design)
    '180 rows were used, in 18 levels of Subject.'
    """
    words = f"{count(design.y.size, 'row was', 'rows were')} used"
    levels = [count(f.n_levels, "level", "levels") + f" of {f.name}" for f in design.factors]
    if levels:
        words += f", in {listed(levels)}"
    if design.n_dropped:
        words += f"; {count(design.n_dropped, 'row')} with missing values left out"
    return words + "."


__all__ = [
    "coefficient_in_words",
    "data_in_words",
    "model_in_words",
    "predictors",
    "question",
    "slopes",
]
