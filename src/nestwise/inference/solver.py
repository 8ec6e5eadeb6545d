"""How the equations of a fit are solved, in words."""

from __future__ import annotations

from nestwise.core.structured.problem import StructuredProblem
from nestwise.fit.glmm_result import GlmmFit
from nestwise.fit.result import LmmFit
from nestwise.fit.structured_result import StructuredFit


def solver_told(fit: LmmFit | GlmmFit | StructuredFit) -> str:
    """How the equations of a fit are solved.

    The pattern of the data decides it, and ``control={"solver": ...}`` where something is left
    after elimination by level. For a generalised model the equations are those at its conditional
    modes.

    Parameters
    ----------
    fit : LmmFit, GlmmFit or StructuredFit
        The fit.

    Returns
    -------
    str
        ``"by level"``; ``"by level, then a dense factor of order 40"``, or a sparse one with its
        number of values; with residual structures ``"by pairs of neighbours"``, or ``"by
        independent blocks of up to 10 rows in 1 pattern"``, which a factor may follow too.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("diameter ~ 1 + (1 | plate) + (1 | sample)", nw.load_dataset("Penicillin"))
    >>> solver_told(m.fit)
    'by level, then a dense factor of order 6'
    """
    if isinstance(fit, StructuredFit):
        return _structured(fit.problem)
    return fit.problem.kernel.method


def _structured(problem: StructuredProblem) -> str:
    if problem.chain is not None:
        return "by pairs of neighbours"
    patterns = problem.blocks.patterns
    rows, n = max(p.rows.shape[1] for p in patterns), len(patterns)
    blocks = f"by independent blocks of up to {rows} rows in {n} pattern{'s' if n > 1 else ''}"
    if problem.trailing is None:
        return blocks
    return f"{blocks}, then a factor of order {problem.trailing.Z.shape[1]}"
