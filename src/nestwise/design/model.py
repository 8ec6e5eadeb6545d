"""The frozen result of formula + table: arrays, names, and what is needed to encode new data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nestwise._base.arrays import AnyArray, BoolArray, FloatArray, IntArray
from nestwise._base.diagnostic import Diagnostic

if TYPE_CHECKING:
    from nestwise.design.encoder import Encoder
    from nestwise.design.residual import ResidualPart
    from nestwise.design.values import Value
    from nestwise.formula.model import Formula


@dataclass(frozen=True, slots=True, eq=False)
class GroupingFactor:
    """The levels of one grouping factor and the level of every kept row.

    Parameters
    ----------
    name : str
        As lme4 prints it: ``"Subject"``, ``"classid:schoolid"``.
    codes : (n,) int32
        Level of each row, 0 .. n_levels - 1; every level occurs.
    n_levels : int
        Number of levels that occur.
    parts : tuple of ndarray
        One array of length n_levels for each variable of the interaction (one for a plain
        factor), with that variable's own value at each level. Labels are made from these on
        demand (`level_labels`), because a hundred thousand strings take longer than the fit.
    variables : tuple of str
        The columns (or expressions) whose interaction this is.
    """

    name: str
    codes: IntArray
    n_levels: int
    parts: tuple[AnyArray, ...]
    variables: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class RandomTerm:
    """One random-effects term, after ``||`` and ``/`` are expanded.

    Parameters
    ----------
    label : str
        Name in tables: the factor's name, with ``.1``, ``.2`` ... for its further terms.
    factor : int
        Index into `Design.factors`.
    columns : tuple of str
        Names of the k columns: ``("(Intercept)", "Days")``.
    Z : tuple of (n,) float64 or None
        The k columns, None where the column is constantly one.
    structure : str
        Name of the covariance structure: ``"us"``, ``"diag"``, ``"cs"``, ...
    assign : tuple of int
        For each column the index of its term in ``bar.within.terms``, -1 for the intercept.
    bar : int
        Index of its bar in ``formula.random``.
    """

    label: str
    factor: int
    columns: tuple[str, ...]
    Z: tuple[FloatArray | None, ...]
    structure: str
    assign: tuple[int, ...] = ()
    bar: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class FixedPart:
    """The model matrix of the fixed effects and how its columns came about.

    Parameters
    ----------
    X : (n, p) float64, Fortran order
        Full column rank: columns that the others determine are left out, as R does.
    names : tuple of str
        R's coefficient names of the p columns.
    dropped : tuple of str
        Names of the columns that were left out.
    assign : tuple of int
        For each kept column the index of its term in `terms`, -1 for the intercept.
    terms : tuple of str
        R's term labels, in R's order, without the intercept: ``("a", "x", "a:x")``.
    variables : tuple of tuple of str
        For each term the labels of its variables (``("a", "x")`` for ``a:x``).
    intercept : bool
        Whether the first column is the intercept.
    full : (n, p_full) float64 or None
        The matrix before columns were dropped; None when none was.
    full_names, full_assign
        Names and terms of all columns, kept and dropped.
    prototypes : tuple of (str, Value)
        Label of each variable of the terms and its value without rows: levels and kind.
    """

    X: FloatArray
    names: tuple[str, ...]
    dropped: tuple[str, ...]
    assign: tuple[int, ...]
    terms: tuple[str, ...]
    variables: tuple[tuple[str, ...], ...]
    intercept: bool
    full: FloatArray | None
    full_names: tuple[str, ...]
    full_assign: tuple[int, ...]
    prototypes: tuple[tuple[str, Value], ...] = ()


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Design:
    """Everything that a fit needs, as arrays; a pure function of a formula and a table.

    Parameters
    ----------
    formula : Formula
        The parsed formula.
    y : (n,) float64
        Response after its transformation, in the user's units.
    fixed : FixedPart
        The fixed effects.
    factors : tuple of GroupingFactor
        By decreasing number of levels (ties in the order of the formula).
    terms : tuple of RandomTerm
        In lme4's order: as written when the numbers of levels never increase, else by decreasing
        number of levels with ties in reverse (`term_order`).
    weights, offset : (n,) float64 or None
        Prior weights (all positive) and the sum of the offsets; None when not given.
    kept : (n_data,) bool or None
        Which rows of the table were used; None when all were.
    n_dropped : int
        Rows left out because a variable was missing.
    encoder : Encoder
        What the training data taught, to encode new data identically.
    diagnostics : tuple of Diagnostic
        Dropped columns and the like.
    residual : ResidualPart or None
        What residual structure and variance function read of the rows; None without them.
    """

    formula: Formula
    y: FloatArray
    fixed: FixedPart
    factors: tuple[GroupingFactor, ...]
    terms: tuple[RandomTerm, ...]
    weights: FloatArray | None
    offset: FloatArray | None
    kept: BoolArray | None
    n_dropped: int
    encoder: Encoder
    diagnostics: tuple[Diagnostic, ...]
    residual: ResidualPart | None = None
