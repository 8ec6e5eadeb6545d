"""Further starts of a generalised model, where several optima are possible and cheap to find."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.options import Control
from nestwise.core.glmm import GlmmEvaluation, GlmmProblem
from nestwise.core.glmm_rows import FamilyRows
from nestwise.fit.glmm_descent import descend_from, settle_glmm
from nestwise.fit.glmm_further import TINY, further_starts
from nestwise.fit.glmm_limit import Reach, reach_about
from nestwise.fit.glmm_newton import Function, GlmmPath, criterion_of
from nestwise.fit.glmm_runaway import FLAT_THERE, at_pole, bends_up, ran_away, unit_of
from nestwise.fit.multistart import CHEAP, PLENTY
from nestwise.fit.rectify import diagonal_positions, rectify
from nestwise.fit.verdict import ACCEPTABLE

CHEAP_ROWS = 3000
"""Rows up to which looking again costs little."""

MOST_EVALUATIONS, WAVY = 150, 2
"""Further evaluations after which no more starts are tried, and how many times as many where rows
are few, or where the criterion has poles: many starts fall into them."""

FALLING = 0.1
"""Promised decrease of a further start that seems to fall into a pole."""

ROUNDS, ROUND_ROWS = 3, 300
"""Rounds of further starts, as long as each finds a better optimum, and the rows up to which."""

ENOUGH = 7
"""Further starts that must end at the optimum at hand where there is hardly room for another."""

ROUGHLY = 1e-2
"""Promised decrease at which a further start is judged."""

NEAR = 40
"""Evaluations of one further start until it is judged."""

SAME = 0.05
"""Height above the optimum at hand, by its curvature, that counts as being there."""

LOWER, SMALLEST, ANOTHER = 1e-6, 1e-7, 1e-4
"""Decrease for which a further start is followed to its end, for which its end is preferred, and
from which it is another optimum, about which it is worth to look again."""

NEARLY_ZERO, LARGE = 1e-2, 1.5
"""Standard deviation (link scale) that counts as zero here, and one beyond which Laplace's
approximation of few rows may have another optimum, in units of the link."""

ROW_WISE = 0.5
"""Levels for each row from which the effects of a factor can stand for a dispersion."""

PATIENT, SLACK = 5, 1.0
"""Times as many further evaluations for very few rows, and height above the optimum at hand at
which a start is followed to its end: curvatures learnt in few steps promise too little."""


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """What all further starts of a model share.

    Parameters
    ----------
    problem : GlmmProblem
        The model.
    function : callable
        Its criterion.
    rows : FamilyRows
        Family and link function.
    control : Control
        Options of the optimiser.
    reach : Reach or None
        How far a dispersion may go.
    """

    problem: GlmmProblem
    function: Function
    rows: FamilyRows
    control: Control
    reach: Reach | None

    @property
    def wavy(self) -> bool:
        """Whether several optima are possible whatever the levels."""
        return bends_up(self.rows.family, self.rows.link)

    @property
    def budget(self) -> int:
        """Evaluations that one round may take."""
        times = PATIENT if self.few else WAVY if self.small else 1
        return MOST_EVALUATIONS * times * (WAVY if self.wavy else 1)

    @property
    def small(self) -> bool:
        """Whether starts are followed to their ends, because that costs little."""
        return self.problem.layout.n <= ROUND_ROWS

    @property
    def few(self) -> bool:
        """Whether rows are so few, beside several parameters of effects and dispersion, that
        optima are many and evaluations cost nothing."""
        several = len(self.problem.layout.entries) + self.problem.has_phi > 1
        return several and self.problem.layout.n <= TINY

    @property
    def roomless(self) -> bool:
        """Whether another optimum is unlikely: one effect a level, and nothing that competes."""
        one = len(self.problem.layout.entries) == 1
        return one and not self.wavy and not self.problem.has_phi


def _cheap(problem: GlmmProblem) -> bool:
    effects = sum(k * m for k, m in problem.layout.shapes)
    return effects <= CHEAP and problem.layout.n <= CHEAP_ROWS


def doubtful(problem: GlmmProblem, psi: FloatArray, unit: float = 1.0) -> bool:
    """Whether few levels or rows, variances that are zero or large, or a dispersion make several
    optima possible.

    Parameters
    ----------
    problem : GlmmProblem
        The model.
    psi : (size,) float64
        The optimum at hand.
    unit : float
        How large a linear predictor is.
    """
    layout = problem.layout
    zero = np.abs(psi[diagonal_positions(layout)]) < NEARLY_ZERO
    few = any(m < PLENTY * k for k, m in layout.shapes)
    effects = sum(k * m for k, m in layout.shapes)
    competing = problem.has_phi and any(m > ROW_WISE * layout.n for _, m in layout.shapes)
    tiny = layout.n <= TINY and effects > ROW_WISE * layout.n
    large = layout.n <= ROUND_ROWS and float(np.abs(psi[: problem.m]).max()) > LARGE * unit
    return bool(zero.any()) or few or competing or tiny or large


def look_again_glmm(
    problem: GlmmProblem,
    path: GlmmPath,
    saddle: bool,
    control: Control,
    begin: tuple[FloatArray, FloatArray],
    rows: FamilyRows,
) -> tuple[GlmmPath, bool]:
    """The best of the optimum at hand and those from further starts.

    Parameters
    ----------
    problem : GlmmProblem
        The model.
    path : GlmmPath
        The optimum at hand.
    saddle : bool
        Whether it is a saddle.
    control : Control
        Options of the optimiser.
    begin : (size,) and (size, size) float64
        psi where the optimiser began, and the curvature that it began with.
    rows : FamilyRows
        Family and link function.

    Returns
    -------
    GlmmPath, bool
        The best path, with all evaluations counted, and whether it ended at a saddle.
    """
    if not _cheap(problem):
        return path, saddle
    search = Search(problem, criterion_of(problem), rows, control, reach_about(begin[0], rows))
    if path.decrease > ACCEPTABLE and path.stopped != "unbounded":
        path, saddle = _elsewhere(search, path, saddle, begin)
        if path.decrease > ACCEPTABLE:
            return path, saddle
    for _ in range(ROUNDS if problem.layout.n <= ROUND_ROWS else 1):
        unit = unit_of(rows.link, path.point.result.eta)
        possible = search.wavy or doubtful(problem, path.point.psi, unit)
        if not possible or _nowhere(search, path):
            break
        before = path.point.value
        path, saddle = _round(search, path, saddle)
        if not path.point.value < before - ANOTHER:
            break
    return path, saddle


def _nowhere(search: Search, path: GlmmPath) -> bool:
    """Whether other starts would only run as far as this one did.

    With other variances they may run as far and end lower, which costs little where rows are few.
    """
    many = search.problem.layout.n > ROUND_ROWS
    return path.stopped == "unbounded" or (many and _far(search, path) == FLAT_THERE)


def _far(search: Search, path: GlmmPath) -> int:
    """0: a proper optimum; 1: it lies far out; 2: nothing holds it there."""
    if path.stopped == "unbounded":
        return FLAT_THERE
    return ran_away(search.problem, search.rows.link, path)


def _round(search: Search, path: GlmmPath, saddle: bool) -> tuple[GlmmPath, bool]:
    """The best of an optimum and those from further starts about it."""
    best, count, agreeing, spent = path, path.n_evaluations, 0, 0
    beyond = path.beyond
    for start in _starts(search, path.point.psi, path):
        if spent > search.budget or (search.roomless and agreeing >= ENOUGH):
            break
        first = search.function(start, None)
        count, spent = count + 1, spent + 1
        if not _finite(first):
            continue
        near = _near(search, first, _bowl_at(start, path.hessian, search.problem.m))
        count, spent = count + near.n_evaluations, spent + near.n_evaluations
        if _falls(search, near):
            continue
        if _no_better(search, near, best):
            agreeing += 1
            continue
        there, back = _settled(search, near.point, near.hessian)
        count += there.n_evaluations
        # The way to infinity is long, and nothing is there: other starts get their turn.
        spent += min(there.n_evaluations, NEAR)
        gain = best.point.value - there.point.value
        farther = _far(search, there) - _far(search, best)
        if at_pole(there) or (there.decrease > ACCEPTABLE >= best.decrease):
            continue
        if farther > 0 and gain > LOWER:
            beyond = max(beyond, np.inf if there.stopped == "unbounded" else gain)
        elif farther < 0 or (farther == 0 and gain > SMALLEST):
            best, saddle, beyond = there, back, max(0.0, beyond - gain, -gain)
    return replace(best, n_evaluations=count, beyond=beyond), saddle


def _near(search: Search, first: GlmmEvaluation, bowl: FloatArray) -> GlmmPath:
    control = replace(search.control, max_evaluations=min(NEAR, search.control.max_evaluations))
    reach = search.reach
    return descend_from(search.problem, first, bowl, control, ROUGHLY, exact=False, reach=reach)


def _falls(search: Search, near: GlmmPath) -> bool:
    """Whether a further start ends at the edge of what is possible, or seems to fall for ever."""
    falling = search.wavy and not search.few and near.decrease > FALLING
    return near.stopped == "edge" or falling


def _settled(search: Search, point: GlmmEvaluation, guess: FloatArray) -> tuple[GlmmPath, bool]:
    """The optimum below a point, and whether it is a saddle."""
    problem, control, reach = search.problem, search.control, search.reach
    there = descend_from(problem, point, guess, control, reach=reach)
    return settle_glmm(problem, search.function, there, control, reach)


def _no_better(search: Search, near: GlmmPath, best: GlmmPath) -> bool:
    """Whether a further start ends higher than the optimum at hand, or there."""
    gain = best.point.value - near.point.value
    if gain > LOWER:
        return False
    slack = SLACK if search.small else 0.0
    if not gain + 2.0 * near.decrease + slack > LOWER:
        return True
    layout, m = search.problem.layout, search.problem.m
    move = near.point.psi - best.point.psi
    move[:m] = rectify(layout, near.point.psi[:m]) - rectify(layout, best.point.psi[:m])
    return bool(0.5 * move @ best.hessian @ move < SAME)


def _elsewhere(
    search: Search, path: GlmmPath, saddle: bool, begin: tuple[FloatArray, FloatArray]
) -> tuple[GlmmPath, bool]:
    """The best proper optimum from further starts, where the first has not led to any."""
    psi, guess = begin
    best, count = None, path.n_evaluations
    most = count + search.budget
    for start in _starts(search, psi, path):
        if count > most:
            break
        point = search.function(start, None)
        count += 1
        if not _finite(point):
            continue
        near = _near(search, point, _bowl_at(start, guess, search.problem.m))
        count += near.n_evaluations
        if _falls(search, near):
            continue
        there, back = _settled(search, near.point, near.hessian)
        count += there.n_evaluations
        held = _far(search, there) < FLAT_THERE
        proper = there.decrease <= ACCEPTABLE and not back and held
        if proper and (best is None or there.point.value < best.point.value):
            best = there
    if best is None:
        return replace(path, n_evaluations=count), saddle
    return replace(best, n_evaluations=count), False


def _starts(search: Search, psi: FloatArray, path: GlmmPath) -> Iterator[FloatArray]:
    unit = unit_of(search.rows.link, path.point.result.eta)
    if search.reach is not None:
        psi = search.reach.brought_back(psi)
    for start in further_starts(search.problem, search.rows, psi, unit):
        if search.reach is None or not search.reach.passed(start):
            yield start


def _finite(point: GlmmEvaluation) -> bool:
    return bool(np.isfinite(point.value) and np.isfinite(point.gradient).all())


def _bowl_at(start: FloatArray, hessian: FloatArray, m: int) -> FloatArray:
    """The same; without effects, coefficients and dispersion are sought alone first."""
    bowl = _bowl(hessian)
    if not start[:m].any():
        bowl[:m, m:] = bowl[m:, :m] = 0.0
    return bowl


def _bowl(hessian: FloatArray) -> FloatArray:
    """A positive definite curvature like that at the optimum at hand."""
    if np.isnan(hessian[-1, -1]):  # of a dispersion, not known yet
        hessian = hessian.copy()
        hessian[-1, -1] = 1.0
    if not np.isfinite(hessian).all():
        return np.eye(len(hessian))
    values, vectors = np.linalg.eigh(hessian)
    size = np.maximum(np.abs(values), 1e-3 * max(float(np.abs(values).max()), 1e-3))
    return np.asarray((vectors * size) @ vectors.T)
