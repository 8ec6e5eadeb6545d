"""Hypotheses of types I, II and III about the terms of a model, as lmerTest poses them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import OptionError
from nestwise._base.memo import memo
from nestwise.design.model import Design, FixedPart
from nestwise.design.values import Factor, Numeric
from nestwise.inference.estimable import cell_parameters


@dataclass(frozen=True, slots=True, eq=False)
class TermHypothesis:
    """The hypothesis that a term has no effect.

    Parameters
    ----------
    term : str
        R's label of the term.
    L : (d, p) float64
        Linearly independent rows; none when nothing about the term can be estimated.
    complete_df : int
        Rows that there would be if no column of the model matrix had been left out.
    """

    term: str
    L: FloatArray
    complete_df: int


@memo
def hypotheses(design: Design, type: int) -> tuple[TermHypothesis, ...]:
    """One hypothesis for each term of the fixed effects.

    A term is contained in another that has all its variables, the same covariates and further
    factors, and that is marginal to it as R codes it. Type I tests each term after those before
    it; type II after all terms that do not contain it; type III makes the estimable functions of
    a term orthogonal to those of the terms that contain it, so that with all cells filled it
    averages over the levels of the other factors with equal weights. Covariates count at zero.
    Types I and II weigh cells by their numbers of rows (prior weights do not matter), type III
    does not. None depends on the contrasts.

    Parameters
    ----------
    design : Design
        The model.
    type : int
        1, 2 or 3.

    Returns
    -------
    tuple of TermHypothesis
        In the order of the terms.

    Raises
    ------
    OptionError
        When `type` is not known.

    Source
    ------
    Goodnight (1980), Commun. Stat. A 9, 167-180; Kuznetsova, Brockhoff & Christensen (2017), J.
    Stat. Softw. 82(13), section 2.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("angle ~ recipe * temp + (1 | replicate)", nw.load_dataset("cake"))
    >>> [h.L.round(3).tolist() for h in hypotheses(m.fit.design, 3)][1]
    [[0.0, 0.0, 0.0, 1.0, 0.333, 0.333]]
    """
    if isinstance(type, bool) or type not in _TYPES:
        raise OptionError(f"type={type!r} is not known; use 1, 2 or 3")
    fixed, rows = design.fixed, _TYPES[type]
    return tuple(
        TermHypothesis(fixed.terms[t], rows(design, t), fixed.full_assign.count(t))
        for t in sorted(set(fixed.full_assign) - {-1})
    )


def contains(fixed: FixedPart, outer: int, inner: int) -> bool:
    """Whether term `outer` contains term `inner`.

    Examples
    --------
    >>> import nestwise as nw
    >>> data = nw.load_dataset("cake")
    >>> fixed = nw.lm("angle ~ recipe * temp", data).fit.design.fixed
    >>> contains(fixed, 2, 0), contains(fixed, 2, 1)
    (False, True)
    """
    kinds = dict(fixed.prototypes)
    small, large = set(fixed.variables[inner]), set(fixed.variables[outer])
    if not small < large or any(_is_covariate(kinds[v]) for v in large - small):
        return False
    # R codes a variable by contrasts only where an earlier term has all the others.
    earlier = [set(v) for v in fixed.variables[:outer]]
    return all(any(large - {v} <= e for e in earlier) for v in small)


def _is_covariate(value: object) -> bool:
    """One column of numbers; several, as of a polynomial, count as those of a factor."""
    return isinstance(value, Numeric) and value.values.ndim == 1


def _sequential(design: Design, term: int) -> FloatArray:
    fixed = design.fixed
    return np.asarray(_sweeps(design)[np.array(fixed.assign) == term])


def _partial(design: Design, term: int) -> FloatArray:
    fixed = design.fixed
    assign = np.array(fixed.assign)
    outer = [t for t in range(len(fixed.terms)) if contains(fixed, t, term)]
    if not outer:
        return np.asarray(np.eye(assign.size)[assign == term])
    last = np.isin(assign, outer) * 2 + (assign == term)
    order = np.argsort(last, kind="stable")
    rows = np.zeros((assign.size, assign.size))
    rows[np.ix_(order, order)] = _unit_triangle(fixed.X[:, order])
    return np.asarray(rows[assign == term])


@memo
def _sweeps(design: Design) -> FloatArray:
    return _unit_triangle(design.fixed.X)


def _unit_triangle(X: FloatArray) -> FloatArray:
    """U (p, p) of X'X = U'DU, U upper triangular with ones on the diagonal."""
    R = np.linalg.qr(X, mode="r")
    return np.asarray(R / np.diag(R)[:, None])


def _marginal(design: Design, term: int) -> FloatArray:
    """The term's own rows in treatment coding, orthogonal to those of the terms containing it."""
    fixed = design.fixed
    outer = [t for t in range(len(fixed.terms)) if contains(fixed, t, term)]
    if not outer and _coded_by_treatment(design, term):
        return np.asarray(np.eye(len(fixed.assign))[np.array(fixed.assign) == term])
    cells = cell_parameters(design)
    assign = cells.treatment_assign
    own, above = cells.treatment[assign == term], cells.treatment[np.isin(assign, outer)]
    if len(own) and len(above):
        own = own - own @ np.linalg.pinv(above) @ above
    rows = own @ np.linalg.pinv(cells.forms)
    rows[np.abs(rows) < 1e-12] = 0.0
    return np.asarray(rows)


def _coded_by_treatment(design: Design, term: int) -> bool:
    """Whether the term, and all that have its variables, are coded by treatment contrasts."""
    kinds = dict(design.fixed.prototypes)

    def plain(variable: str) -> bool:
        value = kinds[variable]
        if not isinstance(value, Factor):
            return variable not in design.encoder.contrasts
        kind = design.encoder.contrasts.get(variable) or value.contrast
        return kind == "treatment" or (kind is None and not value.ordered)

    variables = design.fixed.variables
    wider = [set(v) for v in variables if set(variables[term]) <= set(v)]
    return design.fixed.full is None and all(plain(v) for v in set().union(*wider))


_TYPES: dict[int, Callable[[Design, int], FloatArray]] = {
    1: _sequential,
    2: _partial,
    3: _marginal,
}
