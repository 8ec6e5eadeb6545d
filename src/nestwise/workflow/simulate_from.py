"""Responses from a formula, a table and parameters that are given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import narwhals as nw
import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import DataError, FormulaError, OptionError
from nestwise.core.families.family import Family
from nestwise.core.families.registry import family_named
from nestwise.core.links.link import Link, mean
from nestwise.core.links.registry import link_named
from nestwise.design import build
from nestwise.design.model import Design
from nestwise.design.table import open_table
from nestwise.formula.parser import parse
from nestwise.formula.syntax import Name
from nestwise.inference.residuals import random_part
from nestwise.inference.simulate import generator, positive_count, seed_entropy
from nestwise.workflow.frames import native_frame
from nestwise.workflow.known import Known, read_known


def simulate_from(
    formula: str,
    data: Any,
    *,
    params: Mapping[str, Any],
    family: str | Family = "gaussian",
    link: str | Link | None = None,
    weights: Any = None,
    contrasts: Mapping[str, str] | None = None,
    n: int | None = None,
    seed: int | None = None,
) -> Any:
    """What a model with known parameters would give as responses to these rows.

    Parameters
    ----------
    formula : str
        For instance ``"y ~ x + (1 + x | g)"``; the response is a plain name, in the data or not.
    data : table
        pandas, polars or pyarrow table, or a dict of columns; never changed.
    params : mapping
        ``fixef``: coefficients by name (0 where left out) or in order; ``sd``: for each group a
        number, or numbers by column; ``cor``: for groups with several columns a correlation or a
        matrix (0 by default); ``sigma``: residual standard deviation (gaussian); ``phi``:
        dispersion of a family that has one.
    family, link : str or object
        As for `glmer`; random effects and coefficients are on the scale of the link.
    weights : str or array, optional
        Prior weights: the residual variance is ``sigma**2`` over them; of a binomial the trials,
        and the response is a share.
    contrasts : mapping, optional
        Coding of factors.
    n : int, optional
        How many responses.
    seed : int, optional
        The same seed gives the same numbers; None draws a fresh one.

    Returns
    -------
    table or ndarray
        Without `n` the data with the response as a column (in place of one of that name); with it
        (n_rows, n) float64. NaN where a row misses a variable.

    Raises
    ------
    NestwiseError
        When formula, data or parameters do not fit together.

    Examples
    --------
    >>> import nestwise as nw
    >>> days = nw.load_dataset("sleepstudy")[["Days", "Subject"]]
    >>> truth = {"fixef": {"(Intercept)": 250, "Days": 10}, "sigma": 25,
    ...     "sd": {"Subject": {"(Intercept)": 25, "Days": 6}}, "cor": {"Subject": 0.1}}
    >>> made = nw.simulate_from("Reaction ~ Days + (Days | Subject)", days, params=truth, seed=1)
    >>> nw.lmer("Reaction ~ Days + (Days | Subject)", made).params.round(0).tolist()
    [246.0, 12.0]
    """
    design, name = design_without_response(formula, data, weights, contrasts)
    kind = family_named(family)
    gaussian = kind.name == "gaussian"
    known = read_known(
        design, params, has_sigma=gaussian, has_phi=kind.dispersion is not None and not gaussian
    )
    chosen = link_named(kind.links[0] if link is None else link)
    count = 1 if n is None else positive_count("n", n)
    entropy = seed_entropy(seed)
    draws = [draw_known(design, known, generator(entropy, r), kind, chosen) for r in range(count)]
    source = open_table(data)
    kept = np.ones(source.n, np.bool_) if design.kept is None else design.kept
    out = np.full((source.n, count), np.nan)
    out[kept] = np.column_stack(draws)
    if n is not None:
        return out
    return _with_column(data, name, out[:, 0])


def design_without_response(
    formula: str, data: Any, weights: Any, contrasts: Mapping[str, str] | None
) -> tuple[Design, str]:
    """The design of a formula whose response need not be in the data, and the response's name.

    Raises
    ------
    FormulaError
        When the response is an expression.

    Examples
    --------
    >>> design, name = design_without_response("y ~ x", {"x": [1.0, 2, 3]}, None, None)
    >>> design.fixed.names, name
    (('(Intercept)', 'x'), 'y')
    """
    source = open_table(data)
    columns = tuple(str(c) for c in source.columns)
    parsed = parse(formula, columns if "." in formula else None)
    if not isinstance(parsed.response, Name):
        raise FormulaError(
            f"the response {parsed.response_label!r} is an expression; name a column to simulate, "
            "and transform it afterwards"
        )
    name = parsed.response.id
    if name in parsed.columns[1:] or name in {c for c in columns if c == weights}:
        raise DataError(f"the response {name!r} also stands elsewhere in the model; rename it")
    # Any numbers that vary: the response is not used, but a design has one.
    filled = _with_column(data, name, np.arange(source.n, dtype=np.float64))
    design = build(parsed, filled, weights=weights, contrasts=contrasts)
    return replace(design, y=np.zeros(design.y.size)), name


def _with_column(data: Any, name: str, values: FloatArray) -> Any:
    frame = native_frame(open_table(data))
    native = frame.to_native()
    if frame.implementation.is_pandas():
        return native.assign(**{name: values})
    column = nw.new_series(name, values, backend=frame.implementation)
    return frame.with_columns(column).to_native()


def draw_known(
    design: Design, known: Known, rng: np.random.Generator, family: Family, link: Link
) -> FloatArray:
    """(n,) one response to the rows of a design.

    Random effects are drawn term by term, then the response given its mean.

    Examples
    --------
    >>> design, _ = design_without_response("y ~ x", {"x": [1.0, 2, 3]}, None, None)
    >>> known = Known(np.array([1.0, 2.0]), (), 1e-9)
    >>> rng = np.random.default_rng(1)
    >>> draw_known(design, known, rng, family_named("gaussian"), link_named("identity")).round(6)
    array([3., 5., 7.])
    """
    eta = design.fixed.X @ known.beta
    if design.offset is not None:
        eta = eta + design.offset
    for t, (term, F) in enumerate(zip(design.terms, known.factors(), strict=True)):
        levels = design.factors[term.factor].n_levels
        eta = eta + random_part(design, t, rng.standard_normal((levels, len(F))) @ F.T)
    weights = np.ones(eta.size) if design.weights is None else design.weights
    if family.name == "gaussian" and link.name == "identity":
        return np.asarray(eta + known.sigma / np.sqrt(weights) * rng.standard_normal(eta.size))
    phi = known.sigma**2 if family.name == "gaussian" else known.phi
    mu = mean(link, eta)
    if not np.isfinite(mu).all():
        raise OptionError(
            f"the {link.name} link gives means that are not finite at these parameters; choose "
            "smaller coefficients or another link"
        )
    return np.asarray(family.simulate(mu, weights, phi, rng), dtype=np.float64)


__all__ = ["design_without_response", "draw_known", "simulate_from"]
