"""Sandwich covariance of the fixed effects with subjects as clusters: CR0, CR2, CR3."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import OptionError, one_of
from nestwise._base.memo import memo
from nestwise._base.table import Table
from nestwise.core.structured.weighted import invert
from nestwise.fit.structured_result import StructuredFit
from nestwise.inference.robust import ClusterRobust
from nestwise.inference.satterthwaite import pooled_df
from nestwise.inference.wald import two_sided_p

POWERS = {"CR0": 0.0, "CR2": -0.5, "CR3": -1.0}
"""Power of I - H of a cluster, on the whitened scale."""

SINGULAR = 1e-9
"""Eigenvalues of I - H below this count as zero: generalised inverse."""


@dataclass(frozen=True, slots=True, eq=False)
class Sandwich:
    """A sandwich estimate and what its degrees of freedom need.

    Parameters
    ----------
    kind : str
        ``"CR0"``, ``"CR2"`` or ``"CR3"``.
    vcov : (p, p) float64
        Covariance of the fixed effects.
    seen : (C, p, p) float64
        X~_c'A_c X~_c Phi of each cluster c, X~ whitened, Phi = (X~'X~)^-1.
    squared : (C, p, p) float64
        Phi X~_c'A_c^2 X~_c Phi.
    Phi : (p, p) float64
        Relative model-based covariance.
    """

    kind: str
    vcov: FloatArray
    seen: FloatArray
    squared: FloatArray
    Phi: FloatArray


def sandwich(fit: StructuredFit, kind: str) -> Sandwich:
    """The sandwich estimate of one kind; clusters are the independent blocks of rows.

    Parameters
    ----------
    fit : StructuredFit
        The fit; its covariance model is the working model.
    kind : str
        ``"CR0"``: no adjustment; ``"CR2"``: (I - H)^-1/2, unbiased under the working model;
        ``"CR3"``: (I - H)^-1, the jackknife.

    Raises
    ------
    OptionError
        When rows of different subjects are not independent.

    Source
    ------
    Bell & McCaffrey (2002), Surv. Methodol. 28, 169-181; Mancl & DeRouen (2001), Biometrics 57,
    126-134, eq. 2 to 4; Pustejovsky & Tipton (2018), J. Bus. Econ. Stat. 36, 672-683.
    """
    return {"CR0": _cr0, "CR2": _cr2, "CR3": _cr3}[kind](fit)


@memo
def _cr0(fit: StructuredFit) -> Sandwich:
    return _made(fit, "CR0")


@memo
def _cr2(fit: StructuredFit) -> Sandwich:
    return _made(fit, "CR2")


@memo
def _cr3(fit: StructuredFit) -> Sandwich:
    return _made(fit, "CR3")


def _made(fit: StructuredFit, kind: str) -> Sandwich:
    problem = fit.problem
    if problem.blocks.trailing:
        raise OptionError(
            f"ddf='{kind}' needs independent subjects, and random effects of this fit join them; "
            "use ddf='satterthwaite'"
        )
    inverted = invert(problem, fit.par)
    X, Phi = fit.design.fixed.X, fit.unscaled_vcov
    y = fit.design.y if fit.design.offset is None else fit.design.y - fit.design.offset
    e = y - X @ fit.beta
    scores, seen, squared = [], [], []
    for pattern, one in zip(problem.blocks.patterns, inverted.patterns, strict=True):
        root = np.linalg.inv(np.linalg.cholesky(one.covariance.V))
        Xw, ew = root @ X[pattern.rows], e[pattern.rows] @ root.T
        A = _adjustments(Xw, Phi, POWERS[kind])
        AX = A @ Xw
        scores.append(np.einsum("cvp,cv->cp", AX, ew))
        seen.append(np.swapaxes(AX, 1, 2) @ Xw)
        squared.append(np.swapaxes(AX, 1, 2) @ AX)
    # As a cross-product no rounding makes a variance negative.
    total = np.concatenate(scores) @ Phi
    vcov = total.T @ total
    return Sandwich(
        kind, vcov, np.concatenate(seen) @ Phi, Phi @ np.concatenate(squared) @ Phi, Phi
    )


def _adjustments(Xw: FloatArray, Phi: FloatArray, power: float) -> FloatArray:
    """(C, v, v) symmetric powers of I - X~ Phi X~'."""
    v = Xw.shape[1]
    if power == 0.0:
        return np.broadcast_to(np.eye(v), (len(Xw), v, v))
    values, vectors = np.linalg.eigh(np.eye(v) - Xw @ Phi @ np.swapaxes(Xw, 1, 2))
    kept = values > SINGULAR
    powers = np.where(kept, np.where(kept, values, 1.0) ** power, 0.0)
    return np.asarray((vectors * powers[:, None, :]) @ np.swapaxes(vectors, 1, 2))


def sandwich_df(fit: StructuredFit, kind: str, L: FloatArray) -> FloatArray:
    """Satterthwaite's degrees of freedom of the sandwich variance of each row of L, (q,).

    With g_c = (I - H)_c'A_c X~_c Phi l the variance estimate is distributed as a sum of squares
    with weights the eigenvalues of G = (g_c'g_d); df = tr(G)^2 / sum of G^2.

    Source
    ------
    Bell & McCaffrey (2002), section 4; Pustejovsky & Tipton (2018), eq. 11.
    """
    s = sandwich(fit, kind)
    return np.array([_degrees(s, row) for row in np.atleast_2d(L)])


def _degrees(s: Sandwich, row: FloatArray) -> float:
    """g_c'g_d = delta_cd size_c - t_c'Phi t_d with t_c = X~_c'A_c X~_c Phi l."""
    size = np.einsum("i,cij,j->c", row, s.squared, row)
    t = s.seen @ row
    own = np.einsum("ci,ij,cj->c", t, s.Phi, t)
    S = s.Phi @ (t.T @ t)
    spread = float(np.sum(size**2 - 2.0 * size * own)) + float(np.trace(S @ S))
    return float(np.sum(size - own)) ** 2 / spread if spread > 0.0 else np.inf


def sandwich_joint(fit: StructuredFit, kind: str, L: FloatArray) -> float:
    """Denominator degrees of freedom of the F test of all rows, from its principal contrasts."""
    _, vectors = np.linalg.eigh(L @ sandwich(fit, kind).vcov @ L.T)
    return pooled_df(sandwich_df(fit, kind, vectors.T @ L))


def cluster_robust_structured(fit: StructuredFit, kind: str = "CR2") -> ClusterRobust:
    """Sandwich covariance and the tests of single coefficients with it.

    Parameters
    ----------
    fit : StructuredFit
        The fit; clusters are its independent blocks of rows: subjects, or what random effects
        join.
    kind : str
        ``"CR0"``, ``"CR2"`` or ``"CR3"``.

    Returns
    -------
    ClusterRobust

    Raises
    ------
    OptionError
        When `kind` is not known, or rows of different subjects are not independent.

    Examples
    --------
    >>> import nestwise as nw
    >>> data = nw.load_dataset("sleepstudy")
    >>> m = nw.gls("Reaction ~ Days", data, residual="ar1(Days | Subject)")
    >>> cluster_robust_structured(m.fit).table["std_error"].round(2).tolist()
    [6.58, 1.48]
    """
    one_of("kind", kind, tuple(POWERS))
    found = sandwich(fit, kind)
    std_error = np.sqrt(np.diag(found.vcov))
    df = sandwich_df(fit, kind, np.eye(fit.beta.size))
    statistic = fit.beta / std_error
    table = Table(
        {
            "term": np.array(fit.design.fixed.names, dtype=object),
            "estimate": fit.beta.copy(),
            "std_error": std_error,
            "statistic": statistic,
            "df": df,
            "p_value": two_sided_p(statistic, df),
        },
        f"{kind} standard errors from {len(found.seen)} clusters, Satterthwaite's df.",
    )
    return ClusterRobust(kind, len(found.seen), found.vcov, table)
