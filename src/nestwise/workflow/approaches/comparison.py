"""All approaches to one question, fitted and put side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nestwise._base.diagnostic import Diagnostic
from nestwise._base.table import Table
from nestwise.design import build
from nestwise.fit.lmm import fit_lmm
from nestwise.fit.result import LmmFit
from nestwise.workflow.approaches.approach import Approach
from nestwise.workflow.approaches.multilevel import (
    RANDOM,
    SLOPES,
    all_intercepts,
    chosen_slopes,
    is_mixed,
    random_intercept,
    random_slopes,
)
from nestwise.workflow.approaches.remarks import remarks
from nestwise.workflow.approaches.setup import Setup, prepare, with_intercepts
from nestwise.workflow.approaches.single import aggregated, dummies, pooled, separate
from nestwise.workflow.approaches.tables import (
    approach_table,
    estimate_table,
    slope_table,
    variance_table,
)


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """What `compare_approaches` found.

    Parameters
    ----------
    setup : Setup
        Rows, columns and levels that the approaches share.
    approaches : tuple of Approach
        In the order in which they are told.
    reference : Approach
        The multilevel model that the others are measured by: intercepts at every level.
    null : LmmFit
        The same without predictors.
    estimates, summary, variances, slopes : Table
        As `compare_approaches` documents them.
    notes : tuple of Diagnostic
        What goes wrong with each approach for these data.
    """

    setup: Setup
    approaches: tuple[Approach, ...]
    reference: Approach
    null: LmmFit
    estimates: Table
    summary: Table
    variances: Table
    slopes: Table
    notes: tuple[Diagnostic, ...]


def compare(
    formula: str,
    data: Any,
    groups: str | Sequence[str],
    slopes: str | Sequence[str] | None = None,
    ddf: str = "satterthwaite",
    contrasts: Mapping[str, str] | None = None,
    weights: Any = None,
    offset: Any = None,
) -> Comparison:
    """Fit every approach to the same rows.

    Parameters
    ----------
    formula : str
        The fixed part.
    data : table
        Never changed.
    groups : str or sequence of str
        From the outermost to the innermost.
    slopes : str or sequence of str, optional
        Terms whose slopes vary in the last approach.
    ddf : str
        Degrees of freedom of the mixed models.
    contrasts : mapping, optional
        Coding of factors.
    weights, offset : str or array-like, optional
        Prior weights and a known part of the response, as for `lmer`.

    Raises
    ------
    NestwiseError
        When formula, data or options are not right, or the multilevel model cannot be fitted.

    Examples
    --------
    >>> import nestwise as nw
    >>> found = compare("normexam ~ standLRT", nw.load_dataset("Exam"), "school")
    >>> [a.name for a in found.approaches][:3]
    ['pooled', 'aggregated means', 'regression per group']
    """
    setup = prepare(formula, data, groups, contrasts, weights, offset)
    response = formula.split("~", 1)[0].strip()
    names = [level.name for level in setup.levels]
    plain = with_intercepts(f"{response} ~ 1", names)
    known = setup.design.offset
    null = fit_lmm(build(plain, setup.data, weights=setup.weights, offset=known))
    approaches = _fitted(setup, chosen_slopes(setup, slopes), ddf)
    reference = _reference(setup, approaches, ddf)
    found = slope_table(setup, approaches)
    variances = variance_table(setup, null, reference)
    return Comparison(
        setup=setup,
        approaches=approaches,
        reference=reference,
        null=null,
        estimates=estimate_table(setup, approaches, reference),
        summary=approach_table(approaches),
        variances=variances,
        slopes=found,
        notes=remarks(setup, approaches, reference, variances, found),
    )


def _fitted(setup: Setup, slopes: tuple[str, ...], ddf: str) -> tuple[Approach, ...]:
    """Every approach, those by level from the outermost to the innermost."""
    levels = setup.levels
    apart = [separate(setup, level) for level in levels]
    found: list[Approach | None] = [
        pooled(setup),
        *(aggregated(setup, level) for level in levels),
        *(one for one, _ in apart),
        *(dummies(setup, level) for level in levels),
        *(two for _, two in apart),
        *(random_intercept(setup, level, ddf) for level in levels),
        all_intercepts(setup, ddf) if len(levels) > 1 else None,
        random_slopes(setup, slopes, ddf),
    ]
    return tuple(a for a in found if a is not None)


def _reference(setup: Setup, approaches: tuple[Approach, ...], ddf: str) -> Approach:
    """The fitted mixed model with intercepts at all levels; where it fails its error is raised."""
    candidates = [a for a in approaches if is_mixed(a) and a.name != SLOPES]
    if len(setup.levels) > 1:
        candidates = [a for a in candidates if a.name != RANDOM]
    if candidates:
        return candidates[0]
    names = [level.name for level in setup.levels]
    fit_lmm(setup.build(with_intercepts(setup.formula, names)))
    return all_intercepts(setup, ddf)


__all__ = ["Comparison", "compare"]
