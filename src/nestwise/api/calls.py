"""The fitting calls: formula and data in, a fitted model out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, overload

from nestwise._base.errors import FormulaError, OptionError
from nestwise._base.options import Control
from nestwise.api.glmer import generalized_design
from nestwise.api.linear import LinearModel
from nestwise.api.mixed import MixedModel
from nestwise.api.source import Source, as_control
from nestwise.api.structured import StructuredModel
from nestwise.core.families.family import Family
from nestwise.core.families.registry import family_named, link_of
from nestwise.core.links.link import Link
from nestwise.design import build
from nestwise.design.model import Design
from nestwise.fit.deviance import DevianceFunction
from nestwise.fit.deviance import deviance_function as deviance_of
from nestwise.fit.glmm_deviance import GlmmDeviance, glmm_deviance
from nestwise.fit.lm import fit_lm
from nestwise.fit.lmm import fit_lmm
from nestwise.fit.structured import fit_structured

Functions = Mapping[str, Callable[..., Any]]


@overload
def lmer(
    formula: str,
    data: Any,
    *,
    residual: str,
    variance: str | None = None,
    REML: bool = True,
    weights: Any = None,
    offset: Any = None,
    contrasts: Mapping[str, Any] | None = None,
    na_action: str = "drop",
    control: Control | Mapping[str, Any] | None = None,
    functions: Functions | None = None,
) -> StructuredModel: ...


@overload
def lmer(
    formula: str,
    data: Any,
    *,
    residual: None = None,
    variance: str,
    REML: bool = True,
    weights: Any = None,
    offset: Any = None,
    contrasts: Mapping[str, Any] | None = None,
    na_action: str = "drop",
    control: Control | Mapping[str, Any] | None = None,
    functions: Functions | None = None,
) -> StructuredModel: ...


@overload
def lmer(
    formula: str,
    data: Any,
    *,
    REML: bool = True,
    weights: Any = None,
    offset: Any = None,
    residual: None = None,
    variance: None = None,
    contrasts: Mapping[str, Any] | None = None,
    na_action: str = "drop",
    control: Control | Mapping[str, Any] | None = None,
    functions: Functions | None = None,
) -> MixedModel: ...


def lmer(
    formula: str,
    data: Any,
    *,
    REML: bool = True,
    weights: Any = None,
    offset: Any = None,
    residual: str | None = None,
    variance: str | None = None,
    contrasts: Mapping[str, Any] | None = None,
    na_action: str = "drop",
    control: Control | Mapping[str, Any] | None = None,
    functions: Functions | None = None,
) -> MixedModel | StructuredModel:
    """Fit a linear mixed model, as lme4's ``lmer``.

    Parameters
    ----------
    formula : str
        For instance ``"y ~ x + (1 + x | g)"``.
    data : table
        pandas, polars or pyarrow table, or a dict of columns; never changed.
    REML : bool
        Restricted maximum likelihood, else maximum likelihood.
    weights, offset : str or array-like, optional
        Prior weights (positive) and a known part of the predictor: a column or its values.
    residual, variance : str, optional
        Structure of the residuals, ``"ar1(week | subject)"``, and how their variance varies,
        ``"sex"`` or ``"power(age)"``: see `gls`. Random effects may be crossed with subjects.
    contrasts : mapping of str to str, optional
        Coding of factors: ``{"f": "sum"}``; treatment by default, polynomial for ordered ones.
    na_action : str
        ``"drop"`` rows with missing values, or ``"fail"``.
    control : Control or dict, optional
        Options of the optimiser.
    functions : mapping of str to callable, optional
        The caller's own functions that the formula may call.

    Returns
    -------
    MixedModel
        A StructuredModel with `residual` or `variance`.

    Raises
    ------
    NestwiseError
        When formula, data or options are not right; the message says what to do.

    Source
    ------
    Bates, Maechler, Bolker & Walker (2015), J. Stat. Softw. 67(1).

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> round(m.criterion, 3)
    1743.628
    """
    settings = {
        "REML": REML,
        "weights": weights,
        "offset": offset,
        "residual": residual,
        "variance": variance,
        "contrasts": contrasts,
        "na_action": na_action,
        "control": control,
        "functions": functions,
    }
    _check_flag("REML", REML)
    options = as_control(control)
    if residual is not None or variance is not None:
        return structured_model(formula, data, settings, options)
    design = mixed_design(formula, data, weights, offset, contrasts, na_action, functions)
    return MixedModel(fit_lmm(design, reml=REML, control=options), Source(data, formula, settings))


def structured_model(
    formula: str, data: Any, settings: dict[str, Any], options: Control
) -> StructuredModel:
    """A mixed model with structured residuals, from the settings of `lmer`."""
    building = {k: v for k, v in settings.items() if k not in ("REML", "control")}
    design = build(formula, data, **building)
    if not design.terms:
        raise FormulaError(f"{formula!r} has no random term; add one such as (1 | g), or use gls")
    fit = fit_structured(design, reml=settings["REML"], control=options)
    return StructuredModel(fit, Source(data, formula, settings))


def lm(
    formula: str,
    data: Any,
    *,
    weights: Any = None,
    offset: Any = None,
    contrasts: Mapping[str, Any] | None = None,
    na_action: str = "drop",
    functions: Functions | None = None,
) -> LinearModel:
    """Fit a linear model without random part, as R's ``lm``.

    Parameters
    ----------
    formula : str
        For instance ``"y ~ x + f"``.
    data : table
        pandas, polars or pyarrow table, or a dict of columns; never changed.
    weights, offset : str or array-like, optional
        Prior weights (positive) and a known part of the predictor: a column or its values.
    contrasts : mapping of str to str, optional
        Coding of factors.
    na_action : str
        ``"drop"`` rows with missing values, or ``"fail"``.
    functions : mapping of str to callable, optional
        The caller's own functions that the formula may call.

    Returns
    -------
    LinearModel

    Raises
    ------
    NestwiseError
        When formula, data or options are not right; the message says what to do.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lm("Reaction ~ Days", nw.load_dataset("sleepstudy"))
    >>> round(m.sigma, 3)
    47.715
    """
    settings = {
        "weights": weights,
        "offset": offset,
        "contrasts": contrasts,
        "na_action": na_action,
        "functions": functions,
    }
    design = build(formula, data, **settings)
    if design.terms:
        raise FormulaError(
            f"lm fits no random terms, and {formula!r} has {len(design.terms)}; use nw.lmer"
        )
    return LinearModel(fit_lm(design), Source(data, formula, settings))


def deviance_function(
    formula: str,
    data: Any,
    *,
    REML: bool = True,
    family: str | Family | None = None,
    link: str | Link | None = None,
    weights: Any = None,
    offset: Any = None,
    contrasts: Mapping[str, Any] | None = None,
    na_action: str = "drop",
    control: Control | Mapping[str, Any] | None = None,
    functions: Functions | None = None,
) -> DevianceFunction | GlmmDeviance:
    """The criterion that `lmer` or `glmer` minimises (lme4's ``devFunOnly``).

    Parameters
    ----------
    formula, data, REML, weights, offset, contrasts, na_action, functions
        As for `lmer`.
    family, link, control : optional
        As for `glmer`: with a family it is the Laplace approximation, a function of (theta, beta,
        log phi).

    Returns
    -------
    DevianceFunction or GlmmDeviance
        With ``.value(theta)``, ``.gradient(theta)``, ``.start`` and ``.names``; theta in lme4's
        order: terms by decreasing number of levels, each the lower triangle of its relative
        Cholesky factor by columns.

    Raises
    ------
    NestwiseError
        When formula, data or options are not right.

    Examples
    --------
    >>> import nestwise as nw
    >>> d = nw.deviance_function("Yield ~ 1 + (1 | Batch)", nw.load_dataset("Dyestuff"))
    >>> round(d.value([0.848324]), 6)
    319.654277
    """
    _check_flag("REML", REML)
    if family is not None:
        chosen = family_named(family)
        model = generalized_design(
            formula, data, chosen, weights, offset, contrasts, na_action, functions
        )
        return glmm_deviance(model, chosen, link_of(chosen, link), as_control(control))
    design = mixed_design(formula, data, weights, offset, contrasts, na_action, functions)
    return deviance_of(design, REML)


def mixed_design(
    formula: str,
    data: Any,
    weights: Any,
    offset: Any,
    contrasts: Mapping[str, Any] | None,
    na_action: str,
    functions: Functions | None,
) -> Design:
    """A design that has random terms, or an error that says to use `lm`."""
    return _with_random_term(
        formula,
        build(
            formula,
            data,
            weights=weights,
            offset=offset,
            contrasts=contrasts,
            na_action=na_action,
            functions=functions,
        ),
    )


def _with_random_term(formula: str, design: Design) -> Design:
    if not design.terms:
        raise FormulaError(f"{formula!r} has no random term; add one such as (1 | g), or use nw.lm")
    return design


def _check_flag(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise OptionError(f"{name}={value!r} is neither True nor False")
