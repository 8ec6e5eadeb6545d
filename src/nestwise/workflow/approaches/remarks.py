"""What goes wrong with each approach, in sentences with the numbers of the data at hand."""

from __future__ import annotations

from collections.abc import Sequence

from nestwise._base.diagnostic import Diagnostic
from nestwise._base.table import Table
from nestwise.workflow.approaches.approach import Approach
from nestwise.workflow.approaches.multilevel import RANDOM, SLOPES
from nestwise.workflow.approaches.remarks_mixed import of_one_level, of_reference, of_slopes
from nestwise.workflow.approaches.remarks_single import (
    of_dummies,
    of_fallacy,
    of_interactions,
    of_means,
    of_pooled,
    of_separate,
)
from nestwise.workflow.approaches.setup import Setup
from nestwise.workflow.approaches.single import (
    AGGREGATED,
    FIXED,
    INTERACTIONS,
    PER_GROUP,
    POOLED,
)
from nestwise.workflow.approaches.wording import NOTABLE, listed, number
from nestwise.workflow.levels import FEW, few_groups


def remarks(
    setup: Setup,
    approaches: Sequence[Approach],
    reference: Approach,
    variances: Table,
    slopes: Table,
) -> tuple[Diagnostic, ...]:
    """Remarks on the data, then on each approach in turn.

    Parameters
    ----------
    setup : Setup
        What the approaches share.
    approaches : sequence of Approach
        All of them.
    reference : Approach
        The multilevel model.
    variances, slopes : Table
        Of `tables`.

    Examples
    --------
    >>> import nestwise as nw
    >>> c = nw.compare_approaches("normexam ~ standLRT", nw.load_dataset("Exam"), groups="school")
    >>> [n.code for n in c.notes][:2]
    ['variance-shares', 'pooled-standard-errors']
    """
    few = [(level.name, level.factor.n_levels) for level in setup.levels]
    out = [*_of_rows(setup), *setup.remarks, *(few_groups(*f) for f in few if f[1] < FEW)]
    out.append(_of_variances(setup, variances))
    for approach in approaches:
        if approach.problem:
            out.append(_of_failure(approach))
        elif approach.name == POOLED:
            out.append(of_pooled(setup, approach, reference))
        elif approach.name == AGGREGATED:
            out.append(of_means(setup, approach, reference))
            out += of_fallacy(approach, slopes)
        elif approach.name == PER_GROUP:
            out.append(of_separate(setup, approach, approaches))
        elif approach.name == FIXED:
            out.append(of_dummies(setup, approach))
        elif approach.name == INTERACTIONS:
            out.append(of_interactions(setup, approach))
        elif approach.name == RANDOM and approach is not reference:
            out.append(of_one_level(setup, approach, reference))
        elif approach.name == SLOPES:
            out.append(of_slopes(approach, reference))
        else:
            out += of_reference(approach)
    return tuple(out)


def _of_rows(setup: Setup) -> list[Diagnostic]:
    if not setup.n_dropped:
        return []
    n = setup.design.y.size
    return [
        Diagnostic(
            "rows-left-out",
            f"{setup.n_dropped} of {n + setup.n_dropped} rows miss a variable or a group and are "
            "left out of every approach.",
            "See nw.describe_levels for what is missing at which level.",
        )
    ]


def _of_variances(setup: Setup, variances: Table) -> Diagnostic:
    shares = [
        f"{100 * share:.0f} % lies at the level of {name}"
        for name, share in zip(variances["level"][:-1], variances["share_null"][:-1], strict=True)
    ]
    last = len(setup.levels) - 1
    inner, n = setup.levels[last].name, setup.design.y.size
    rest = 100 * float(variances["share_null"][-1])
    effect, alike = float(variances["design_effect"][-1]), float(variances["icc"][last])
    return Diagnostic(
        "variance-shares",
        f"Without predictors, of the variance of {setup.design.formula.response_label} "
        f"{listed([*shares, f'{rest:.0f} % between rows of a group'])}. "
        f"Two rows of the same {inner} correlate by {number(alike)}. For a mean, {n} rows are "
        f"worth {variances['n_effective'][-1]:.0f} independent ones (design effect {effect:.2f}).",
        "" if effect > NOTABLE else "The groups hardly matter for means of these data.",
    )


def _of_failure(approach: Approach) -> Diagnostic:
    by = f" by {approach.groups}" if approach.groups else ""
    return Diagnostic(
        "approach-failed",
        f"{approach.name.capitalize()}{by} cannot be fitted: {approach.problem}.",
        "The multilevel model does not need every group to stand by itself.",
    )


__all__ = ["remarks"]
