"""Backward elimination: of random terms by likelihood ratio, then of fixed ones by F."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np
import pandas as pd

from nestwise._base.errors import OptionError
from nestwise._base.printed import printed_html
from nestwise._base.table import Table
from nestwise.api.source import to_native
from nestwise.inference.drop1 import drop1
from nestwise.inference.ranova import ranova, reductions
from nestwise.inference.smaller import without_fixed, without_random

if TYPE_CHECKING:
    from nestwise.api.mixed import MixedModel


@final
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class StepResult:
    """What backward elimination did.

    Parameters
    ----------
    random : DataFrame or Table
        ``term eliminated n_par loglik aic chisq df p_value p_boundary``; `eliminated` is the step,
        0 for what stayed.
    fixed : DataFrame or Table
        ``term eliminated sum_sq mean_sq num_df den_df f_value p_value``.
    model : MixedModel
        The model that was found.
    note : str
        What must be known of it: singular, or that a last random term was kept. Empty if nothing.
    """

    random: Any
    fixed: Any
    model: MixedModel
    note: str

    def __str__(self) -> str:
        parts = [
            "Backward reduced random-effect table:",
            str(self.random),
            "",
            "Backward reduced fixed-effect table:",
            str(self.fixed),
            "",
            "Model found:",
            self.model.formula,
        ]
        return "\n".join(parts + (["", self.note] if self.note else []))

    __repr__ = __str__
    _repr_html_ = printed_html


def step(
    model: MixedModel,
    *,
    alpha_random: float = 0.1,
    alpha_fixed: float = 0.05,
    ddf: str = "satterthwaite",
) -> StepResult:
    """Drop the least significant term until all that is left is significant.

    Random terms go first, by likelihood ratio; then fixed terms that no other contains, by F.
    p values after selection are too small: treat the result as a description.

    Parameters
    ----------
    model : MixedModel
        Where to begin.
    alpha_random, alpha_fixed : float
        A term goes when its p value is above this.
    ddf : str
        Denominator degrees of freedom of the F tests.

    Returns
    -------
    StepResult
        Its note says when the model found is singular or did not converge.

    Raises
    ------
    OptionError
        When a level is not between 0 and 1, or `ddf` is not known.

    Source
    ------
    Kuznetsova, Brockhoff & Christensen (2017), J. Stat. Softw. 82(13), section 3.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("angle ~ recipe * temp + (1 | recipe:replicate)", nw.load_dataset("cake"))
    >>> step(m).model.formula
    'angle ~ temp + (1 | recipe:replicate)'
    """
    for name, alpha in (("alpha_random", alpha_random), ("alpha_fixed", alpha_fixed)):
        if isinstance(alpha, bool) or not isinstance(alpha, (int, float)) or not 0 <= alpha <= 1:
            raise OptionError(f"{name}={alpha!r} is not a number between 0 and 1; use for one 0.05")
    random, model, note = _reduce_random(model, alpha_random)
    fixed, model = _reduce_fixed(model, alpha_fixed, ddf)
    notes = [n for n in (note, _state(model)) if n]
    data = model.source.data
    return StepResult(to_native(random, data), to_native(fixed, data), model, " ".join(notes))


def _reduce_random(model: MixedModel, alpha: float) -> tuple[Table, MixedModel, str]:
    gone: list[dict[str, Any]] = []
    while True:
        found, table = reductions(model.fit.design), ranova(model.fit)
        p = np.nan_to_num(table["p_value"][1:], nan=0.0)
        worst = int(np.argmax(p))
        if not p[worst] > alpha:
            return _stacked(gone, table), model, ""
        reduction = found[worst]
        if reduction.term is None and len(model.fit.design.terms) == 1:
            note = (
                f"The last random term {reduction.label} is kept although its p value is "
                f"{p[worst]:.3g}, because a mixed model needs one; nw.lm fits without it."
            )
            return _stacked(gone, table), model, note
        gone.append(_row(table, worst + 1, len(gone) + 1))
        bar = model.fit.design.terms[reduction.position].bar
        model = model.update(without_random(model.fit.design.formula, bar, reduction))


def _reduce_fixed(model: MixedModel, alpha: float, ddf: str) -> tuple[Table, MixedModel]:
    gone: list[dict[str, Any]] = []
    while True:
        table = drop1(model.fit, ddf)
        p = np.nan_to_num(table["p_value"], nan=1.0)
        if not len(p) or not p.max() > alpha:
            return _stacked(gone, table), model
        worst = int(np.argmax(p))
        if not model.fit.design.fixed.intercept and len(model.fit.design.fixed.terms) == 1:
            return _stacked(gone, table), model
        gone.append(_row(table, worst, len(gone) + 1))
        model = model.update(without_fixed(model.fit.design.formula, str(table["term"][worst])))


def _row(table: Table, row: int, eliminated: int) -> dict[str, Any]:
    return {"term": table["term"][row], "eliminated": eliminated} | {
        name: table[name][row] for name in table if name != "term"
    }


def _stacked(gone: list[dict[str, Any]], table: Table) -> Table:
    """Eliminated rows in the order in which they went, then those that stayed."""
    rows = gone + [_row(table, i, 0) for i in range(len(table))]
    names = ["term", "eliminated", *(name for name in table if name != "term")]
    frame = pd.DataFrame(rows, columns=names)
    return Table({name: frame[name].to_numpy() for name in names})


def _state(model: MixedModel) -> str:
    verdict = model.fit.verdict
    if verdict.converged and not verdict.singular:
        return ""
    said = [d for d in model.diagnostics if d.code == verdict.status]
    told = " ".join(f"{d.message} {d.advice}".strip() for d in said)
    return f"The model found is {verdict.status}. {told}".strip()
