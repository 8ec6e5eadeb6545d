"""Which covariance structure? Several fitted in one call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nestwise._base.errors import FitError, OptionError, did_you_mean
from nestwise.api.calls import lmer
from nestwise.api.gls import gls
from nestwise.api.source import to_native
from nestwise.core.residual.registry import RESIDUAL_STRUCTURES
from nestwise.formula.parser import parse
from nestwise.inference.fitmeasures import fit_measures
from nestwise.inference.structure_table import StructureFit, structure_table

USUAL = ("id", "cs", "csh", "ar1", "ar1h", "ad", "adh", "toep", "toeph", "us")
"""What is compared when nothing is asked for."""


def compare_structures(
    formula: str,
    data: Any,
    *,
    within: str,
    structures: Sequence[str] = USUAL,
    variance: str | None = None,
    REML: bool = True,
    **settings: Any,
) -> Any:
    """Fit the same fixed effects with several residual structures and compare them.

    Parameters
    ----------
    formula : str
        Fixed effects; random terms are allowed and stay the same.
    data : table
        pandas, polars or pyarrow table, or a dict of columns; never changed.
    within : str
        What stands inside the structure: ``"visit | subject"`` (or ``"visit | arm/subject"``, a
        matrix for each arm).
    structures : sequence of str
        Names as in ``residual=``, and ``"id"`` for independent residuals.
    variance : str, optional
        A variance function, the same for all.
    REML : bool
        Restricted maximum likelihood, which compares structures as the fixed effects are the same;
        else maximum likelihood.
    **settings
        Further arguments of `gls`.

    Returns
    -------
    DataFrame or Table
        ``structure n_par loglik aic delta_aic bic versus chisq df p_value converged problem``, the
        smallest AIC first, in the kind of the data. `versus` is the richest structure given that
        contains a row's, against which it is tested; a structure that cannot be fitted says why in
        `problem`.

    Raises
    ------
    OptionError
        When a structure is not known, or none is given.

    Source
    ------
    Pinheiro & Bates (2000), Mixed-Effects Models in S and S-PLUS, section 5.4.3.

    Examples
    --------
    >>> import nestwise as nw
    >>> data = nw.load_dataset("sleepstudy")
    >>> found = nw.compare_structures(
    ...     "Reaction ~ Days", data, within="Days | Subject", structures=["cs", "ar1", "ad", "id"]
    ... )
    >>> found["structure"].tolist(), found["n_par"].tolist()
    (['ad', 'ar1', 'cs', 'id'], [12, 4, 4, 3])
    """
    names = tuple(structures)
    known = ("id", *RESIDUAL_STRUCTURES)
    if isinstance(structures, str) or not names:
        raise OptionError(f"structures={structures!r} is not a list of names such as ['cs', 'ar1']")
    for name in names:
        if name not in known:
            raise OptionError(f"structure {name!r} is not known{did_you_mean(str(name), known)}")
    random = bool(parse(formula).random)
    fits = [
        _fitted(
            formula, data, name, within, random, {"variance": variance, "REML": REML, **settings}
        )
        for name in names
    ]
    return to_native(structure_table(fits), data)


def _fitted(
    formula: str, data: Any, name: str, within: str, random: bool, settings: dict[str, Any]
) -> StructureFit:
    """One structure's likelihood; a fit that fails says why."""
    residual = None if name == "id" else f"{name}({within})"
    call: Any = lmer if random else gls
    try:
        model = call(formula, data, residual=residual, **settings)
    except FitError as failure:
        nothing = float("nan")
        return StructureFit(name, 0, nothing, nothing, nothing, False, str(failure))
    m = fit_measures(model.fit)
    told = "; ".join(d.message for d in model.diagnostics if not model.converged)
    good = bool(np.isfinite(m.loglik))
    return StructureFit(name, m.n_par, m.loglik, m.aic, m.bic, model.converged and good, told)
