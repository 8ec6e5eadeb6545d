"""Covariance structures of the same data and fixed effects side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc

from nestwise._base.table import Table

SIMPLER: dict[str, tuple[str, ...]] = {
    "us": ("toeph", "adh", "csh", "ar1h", "toep", "ad", "cs", "ar1", "id"),
    "toeph": ("toep", "csh", "ar1h", "cs", "ar1", "id"),
    "adh": ("ad", "ar1h", "ar1", "id"),
    "csh": ("cs", "id"),
    "ar1h": ("ar1", "id"),
    "toep": ("cs", "ar1", "id"),
    "ad": ("ar1", "id"),
    "exp_nugget": ("exp", "car1", "id"),
    "gau_nugget": ("gau", "id"),
    "cs": ("id",),
    "ar1": ("id",),
    "car1": ("id",),
    "exp": ("id",),
    "gau": ("id",),
}
"""What each structure contains; ``id`` is independence."""

LIMITS = {("exp", "id"), ("car1", "id"), ("gau", "id")}
"""Pairs where the simpler one is the limit of a range or a rate of zero."""


@dataclass(frozen=True, slots=True)
class StructureFit:
    """What is compared of one fit.

    Parameters
    ----------
    structure : str
        Its name; ``"id"`` for independence.
    n_par : int
        All parameters.
    loglik, aic, bic : float
        Of the fit.
    converged : bool
        Whether an optimum was found.
    problem : str
        Why there is no fit; empty when there is one.
    """

    structure: str
    n_par: int
    loglik: float
    aic: float
    bic: float
    converged: bool
    problem: str = ""


def structure_table(fits: Sequence[StructureFit]) -> Table:
    """AIC and BIC of every structure, and its test against the richest one that contains it.

    Parameters
    ----------
    fits : sequence of StructureFit
        By the same criterion, with the same fixed effects, to the same rows.

    Returns
    -------
    Table
        ``structure n_par loglik aic delta_aic bic versus chisq df p_value converged problem``, the
        smallest AIC first. `versus` names the structure that a row is tested against: the one with
        most parameters among those given that contain it; the p value is that of the restriction.

    Examples
    --------
    >>> fits = [StructureFit("cs", 4, -10.0, 28.0, 30.0, True),
    ...         StructureFit("us", 9, -7.0, 32.0, 37.0, True)]
    >>> t = structure_table(fits)
    >>> t["structure"].tolist(), t["versus"].tolist(), t["chisq"].tolist()
    (['cs', 'us'], ['us', None], [6.0, nan])
    """
    rows = sorted(fits, key=lambda f: (bool(f.problem), f.aic if np.isfinite(f.aic) else np.inf))
    wholes = [_containing(one, fits) for one in rows]
    chisq, df = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    for i, (one, whole) in enumerate(zip(rows, wholes, strict=True)):
        if whole is not None:
            chisq[i] = max(2.0 * (whole.loglik - one.loglik), 0.0)
            df[i] = whole.n_par - one.n_par
    aic = np.array([f.aic for f in rows])
    finite = aic[np.isfinite(aic)]
    p_value = np.where(df > 0, chdtrc(np.nan_to_num(df, nan=1.0), np.nan_to_num(chisq)), np.nan)
    return Table(
        {
            "structure": np.array([f.structure for f in rows], dtype=object),
            "n_par": np.array([f.n_par for f in rows]),
            "loglik": np.array([f.loglik for f in rows]),
            "aic": aic,
            "delta_aic": aic - (finite.min() if finite.size else np.nan),
            "bic": np.array([f.bic for f in rows]),
            "versus": np.array([w.structure if w else None for w in wholes], dtype=object),
            "chisq": chisq,
            "df": df,
            "p_value": p_value,
            "converged": np.array([f.converged for f in rows]),
            "problem": np.array([f.problem for f in rows], dtype=object),
        }
    )


def _containing(one: StructureFit, fits: Sequence[StructureFit]) -> StructureFit | None:
    """The structure with most parameters that contains this one, if both could be fitted."""
    if one.problem:
        return None
    larger = [
        f
        for f in fits
        if not f.problem
        and f.n_par > one.n_par
        and one.structure in SIMPLER.get(f.structure, ())
        and (f.structure, one.structure) not in LIMITS
    ]
    return max(larger, key=lambda f: f.n_par, default=None)
