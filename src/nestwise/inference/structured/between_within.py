"""Between-within degrees of freedom with subjects as the grouping level."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import OptionError
from nestwise._base.memo import memo
from nestwise.fit.structured_result import StructuredFit
from nestwise.inference.between_within import NEGLIGIBLE, by_coefficient, outermost_first


def between_within_df(fit: StructuredFit, L: FloatArray) -> FloatArray:
    """Degrees of freedom of contrasts by the level at which their coefficients vary, (q,).

    The levels are the subjects of the residual structure; with random effects their grouping
    factors, as in nlme.

    Parameters
    ----------
    fit : StructuredFit
        The fit.
    L : (q, p) float64
        One contrast a row.

    Raises
    ------
    OptionError
        When there are neither subjects nor groups, or groups are crossed.

    Source
    ------
    Schluchter & Elashoff (1990), J. Stat. Comput. Simul. 37, 69-87; Pinheiro & Bates (2000),
    p. 91.
    """
    size = np.abs(L)
    used = size > NEGLIGIBLE * size.max(axis=1, keepdims=True, initial=0.0)
    return np.asarray(np.where(used, _own(fit), np.inf).min(axis=1, initial=np.inf))


@memo
def _own(fit: StructuredFit) -> FloatArray:
    design = fit.design
    if design.factors:
        return by_coefficient(design, outermost_first(design))
    if design.residual is None or design.residual.subject is None:
        raise OptionError(
            "ddf='between-within' needs subjects or groups, and this fit has neither; use "
            "ddf='satterthwaite' or 'residual'"
        )
    subject = design.residual.subject
    return by_coefficient(design, [(subject.codes, subject.n_levels)])
