"""`glmer`: formula, data and family in, a fitted generalised linear mixed model out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nestwise._base.errors import FormulaError
from nestwise._base.options import Control
from nestwise.api.generalized import GeneralizedMixedModel
from nestwise.api.source import Source, as_control
from nestwise.core.families.family import Family
from nestwise.core.families.registry import family_named, link_of
from nestwise.core.links.link import Link
from nestwise.design import build
from nestwise.design.model import Design
from nestwise.fit.glmm import fit_glmm
from nestwise.fit.glmm_design import with_family

Functions = Mapping[str, Callable[..., Any]]


def glmer(
    formula: str,
    data: Any,
    *,
    family: str | Family = "binomial",
    link: str | Link | None = None,
    nAGQ: int = 1,
    weights: Any = None,
    offset: Any = None,
    contrasts: Mapping[str, Any] | None = None,
    na_action: str = "drop",
    control: Control | Mapping[str, Any] | None = None,
    functions: Functions | None = None,
) -> GeneralizedMixedModel:
    """Fit a generalised linear mixed model by maximum likelihood, as lme4's ``glmer``.

    Parameters
    ----------
    formula : str
        For instance ``"y ~ x + (1 | g)"``. A binomial response is 0 and 1, truth values, two
        categories (the second is success, which the summary says), ``cbind(successes, failures)``,
        or a share of successes with the trials as `weights`.
    data : table
        pandas, polars or pyarrow table, or a dict of columns; never changed.
    family : str or Family
        ``"binomial"``, ``"poisson"``, ``"gamma"``, ``"inverse_gaussian"``, ``"gaussian"``,
        ``"negative_binomial"``, ``"beta"``, ``"beta_binomial"``, or an object of `nw.families`.
    link : str or Link, optional
        The family's first one by default.
    nAGQ : int
        Points of adaptive Gauss-Hermite quadrature for each random effect; 1 is Laplace's
        approximation.
    weights, offset : str or array-like, optional
        Trials or prior weights, and a known part of the predictor: a column or its values.
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
    GeneralizedMixedModel

    Raises
    ------
    NestwiseError
        When formula, data or options are not right; the message says what to do.

    Source
    ------
    Bates, Maechler, Bolker & Walker (2015), J. Stat. Softw. 67(1); Pinheiro & Chao (2006), J.
    Comput. Graph. Stat. 15, 58-81.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.glmer("incidence / size ~ period + (1 | herd)", nw.load_dataset("cbpp"),
    ...     weights="size")
    >>> m.params.round(3).tolist()
    [-1.399, -0.992, -1.129, -1.58]
    """
    settings = {
        "family": family,
        "link": link,
        "nAGQ": nAGQ,
        "weights": weights,
        "offset": offset,
        "contrasts": contrasts,
        "na_action": na_action,
        "control": control,
        "functions": functions,
    }
    chosen = family_named(family)
    design = generalized_design(
        formula, data, chosen, weights, offset, contrasts, na_action, functions
    )
    fit = fit_glmm(design, chosen, link_of(chosen, link), nAGQ, as_control(control))
    return GeneralizedMixedModel(fit, Source(data, formula, settings))


def generalized_design(
    formula: str,
    data: Any,
    family: Family,
    weights: Any,
    offset: Any,
    contrasts: Mapping[str, Any] | None,
    na_action: str,
    functions: Functions | None,
) -> Design:
    """A design whose response suits a family."""
    design = build(
        formula,
        data,
        weights=weights,
        offset=offset,
        contrasts=contrasts,
        na_action=na_action,
        functions=functions,
        response="proportion" if family.trials else "number",
    )
    if not design.terms:
        raise FormulaError(f"{formula!r} has no random term; add one such as (1 | g)")
    return with_family(design, family)
