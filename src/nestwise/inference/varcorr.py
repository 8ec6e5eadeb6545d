"""Variances, standard deviations and correlations of the random effects and the residual."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.table import Table
from nestwise.core.structures.registry import STRUCTURES
from nestwise.inference.kinds import Fit, GlmmFit, LmFit


@dataclass(frozen=True, slots=True, eq=False)
class TermCovariance:
    """The estimated covariance matrix of one random-effects term.

    Parameters
    ----------
    group : str
        Label of the term: its grouping factor, ``.1``, ``.2`` appended for further terms.
    columns : tuple of str
        Names of the k effects.
    covariance : (k, k) float64
        Squared units of the response, per squared unit of the columns.
    correlated : bool
        Whether covariances are parameters of this term.
    """

    group: str
    columns: tuple[str, ...]
    covariance: FloatArray
    correlated: bool

    @property
    def sd(self) -> FloatArray:
        """Standard deviations, (k,)."""
        return np.asarray(np.sqrt(np.diag(self.covariance)), dtype=np.float64)

    @property
    def correlation(self) -> FloatArray:
        """Correlations, (k, k); NaN where a standard deviation is zero."""
        scale = np.outer(self.sd, self.sd)
        correlation = np.full(scale.shape, np.nan)
        np.divide(self.covariance, scale, out=correlation, where=scale > 0.0)
        return np.asarray(np.clip(correlation, -1.0, 1.0), dtype=np.float64)


def term_covariances(fit: Fit) -> tuple[TermCovariance, ...]:
    """The covariance matrix of each random-effects term, in the order of theta.

    Parameters
    ----------
    fit : LmmFit or LmFit
        The fit; a linear model has no terms.

    Returns
    -------
    tuple of TermCovariance
        sigma^2 Lambda Lambda' for each term.

    Source
    ------
    Bates et al. (2015), J. Stat. Softw. 67(1), eq. 4.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> term_covariances(m.fit)[0].sd.round(2).tolist()
    [24.74, 5.92]
    """
    if isinstance(fit, LmFit):
        return ()
    return tuple(
        TermCovariance(
            term.label,
            term.columns,
            fit.sigma**2 * (factor @ factor.T),
            STRUCTURES[term.structure].correlated,
        )
        for term, factor in zip(fit.design.terms, fit.lambdas, strict=True)
    )


def varcorr(fit: Fit) -> Table:
    """Variance components as one long table, as R's ``as.data.frame(VarCorr(m))``.

    Parameters
    ----------
    fit : LmmFit or LmFit
        The fit.

    Returns
    -------
    Table
        ``group var1 var2 vcov sdcor``: of each term first the variances (`var2` missing), then
        the covariances, in `sdcor` as correlations; the residual in the last row, where the
        family has a scale.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> varcorr(m.fit)["sdcor"].round(3).tolist()
    [24.74, 5.922, 0.066, 25.592]
    """
    rows: list[tuple[str, str | None, str | None, float, float]] = []
    for term in term_covariances(fit):
        rows += _rows(term)
    if not isinstance(fit, GlmmFit) or fit.family.dispersion == "scale":
        rows.append(("Residual", None, None, fit.sigma**2, fit.sigma))
    group, var1, var2, vcov, sdcor = zip(*rows, strict=True)
    return Table(
        {
            "group": np.array(group, dtype=object),
            "var1": np.array(var1, dtype=object),
            "var2": np.array(var2, dtype=object),
            "vcov": np.array(vcov, dtype=np.float64),
            "sdcor": np.array(sdcor, dtype=np.float64),
        }
    )


def _rows(term: TermCovariance) -> list[tuple[str, str | None, str | None, float, float]]:
    sd, correlation, k = term.sd, term.correlation, len(term.columns)
    rows: list[tuple[str, str | None, str | None, float, float]] = [
        (term.group, name, None, float(term.covariance[j, j]), float(sd[j]))
        for j, name in enumerate(term.columns)
    ]
    pairs = [(i, j) for i in range(k) for j in range(i + 1, k)] if term.correlated else []
    rows += [
        (
            term.group,
            term.columns[i],
            term.columns[j],
            float(term.covariance[i, j]),
            float(correlation[i, j]),
        )
        for i, j in pairs
    ]
    return rows
