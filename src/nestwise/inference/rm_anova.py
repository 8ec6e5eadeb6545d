"""Repeated-measures analysis of variance from the cell means of every subject.

Every effect within subjects is a set of orthonormal contrasts of a subject's cells; its error is
what the contrasts vary between subjects of the same group (a split-plot or "mixed" analysis).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.special import fdtrc

from nestwise._base.arrays import FloatArray, IntArray
from nestwise._base.errors import DataError
from nestwise._base.table import Table
from nestwise.inference.sphericity import Sphericity, sphericity


@dataclass(frozen=True, slots=True, eq=False)
class SubjectCells:
    """One mean for each subject and combination of the factors within subjects.

    Parameters
    ----------
    means : (n, K) float64
        Cells in the order of the factors, the last one running fastest.
    within : tuple of (str, int)
        Names of the factors within subjects and their numbers of levels; their product is K.
    between : tuple of (str, codes, int)
        Names of the factors between subjects, code of each subject from 0, number of levels.
    """

    means: FloatArray
    within: tuple[tuple[str, int], ...]
    between: tuple[tuple[str, IntArray, int], ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Stratum:
    """Contrasts of the same factors within subjects: their coefficients and errors."""

    beta: FloatArray
    errors: FloatArray
    df: int
    bread: FloatArray
    corrections: Sphericity


def orthonormal(levels: int) -> FloatArray:
    """(levels, levels - 1) orthonormal contrasts, each orthogonal to the mean.

    Examples
    --------
    >>> orthonormal(2).round(4).tolist()
    [[0.7071], [-0.7071]]
    """
    out = np.zeros((levels, levels - 1))
    for j in range(levels - 1):
        out[: j + 1, j] = 1.0 / (j + 1)
        out[j + 1, j] = -1.0
    return np.asarray(out / np.linalg.norm(out, axis=0), dtype=np.float64)


def _subsets(names: Sequence[str]) -> list[tuple[str, ...]]:
    return [s for size in range(len(names) + 1) for s in combinations(names, size)]


def _contrasts(cells: SubjectCells, effect: tuple[str, ...]) -> FloatArray:
    """(K, d) contrasts of an effect: products over the factors, means over those not in it."""
    out: FloatArray = np.ones((1, 1))
    for name, k in cells.within:
        own = orthonormal(k) if name in effect else np.full((k, 1), 1.0 / np.sqrt(k))
        out = np.asarray(np.kron(out, own), dtype=np.float64)
    return out


def _between(cells: SubjectCells) -> tuple[FloatArray, list[tuple[tuple[str, ...], slice]]]:
    """Sum-to-zero columns of all effects between subjects, and where each effect stands."""
    codings = {name: np.vstack([np.eye(k - 1), -np.ones(k - 1)]) for name, _, k in cells.between}
    codes = {name: c for name, c, _ in cells.between}
    n, columns, places, at = len(cells.means), [], [], 0
    for effect in _subsets([name for name, _, _ in cells.between]):
        X = np.ones((n, 1))
        for name in effect:
            own = codings[name][codes[name]]
            X = (X[:, :, None] * own[:, None, :]).reshape(n, -1)
        columns.append(X)
        places.append((effect, slice(at, at + X.shape[1])))
        at += X.shape[1]
    return np.hstack(columns), places


def _stratum(Z: FloatArray, X: FloatArray) -> _Stratum:
    bread = np.asarray(np.linalg.inv(X.T @ X), dtype=np.float64)
    beta = bread @ X.T @ Z
    left = Z - X @ beta
    errors, df = left.T @ left, len(X) - X.shape[1]
    return _Stratum(beta, errors, df, bread, sphericity(errors, df))


def rm_anova(cells: SubjectCells) -> Table:
    """The classical table of a repeated-measures analysis of variance, type III.

    Parameters
    ----------
    cells : SubjectCells
        Complete: every subject has a mean in every cell.

    Returns
    -------
    Table
        ``term num_df den_df sum_sq error_sum_sq f_value p_value gg_epsilon p_gg hf_epsilon p_hf
        mauchly_w mauchly_p ges``: effects between subjects first. With groups of unequal size the
        effects are adjusted for all others (type III). `ges` is the generalised eta squared.

    Raises
    ------
    DataError
        When there are not more subjects than groups, or a combination of groups is empty.

    Source
    ------
    Winer, Brown & Michels (1991), Statistical Principles in Experimental Design, chapters 4 and 7;
    Olejnik & Algina (2003), Psychol. Methods 8, 434-447 (generalised eta squared).

    Examples
    --------
    >>> means = np.array([[1.0, 2.0, 4.0], [2.0, 2.5, 3.0], [0.0, 2.0, 5.0], [1.0, 3.0, 3.0]])
    >>> table = rm_anova(SubjectCells(means, (("time", 3),), ()))
    >>> table["term"].tolist(), table["f_value"].round(3).tolist()
    (['time'], [8.442])
    """
    X, places = _between(cells)
    if np.linalg.matrix_rank(X) < X.shape[1]:
        raise DataError(
            "a combination of the groups has no subject, so that not all effects between subjects "
            "can be told apart; leave a factor out, or use lmer"
        )
    if len(X) <= X.shape[1]:
        raise DataError(
            f"{len(X)} complete subjects in {X.shape[1]} groups leave nothing to estimate the "
            "error from; a repeated-measures analysis needs more subjects than groups"
        )
    names = [name for name, _ in cells.within]
    strata = {w: _stratum(cells.means @ _contrasts(cells, w), X) for w in _subsets(names)}
    total_error = sum(float(np.trace(s.errors)) for s in strata.values())
    rows = []
    for effect, stratum in strata.items():
        for between, place in places:
            if between or effect:
                term = ":".join((*between, *effect))
                rows.append(_row(term, stratum, place, bool(effect), total_error))
    return Table({name: _column([row[name] for row in rows]) for name in rows[0]})


def _column(values: list[object]) -> FloatArray:
    kind = object if isinstance(values[0], str) else np.float64
    return np.array(values, dtype=kind)


def _row(
    term: str, stratum: _Stratum, place: slice, corrected: bool, total_error: float
) -> dict[str, object]:
    """One effect: a set of columns between subjects on the contrasts of a stratum."""
    b, d = stratum.beta[place], stratum.beta.shape[1]
    H = float(np.trace(b.T @ np.linalg.solve(stratum.bread[place, place], b)))
    E = float(np.trace(stratum.errors))
    num, den = len(b) * d, stratum.df * d
    F = (H / num) / (E / den) if E > 0.0 else np.inf
    c = stratum.corrections
    epsilon = (c.gg, c.hf) if corrected else (np.nan, np.nan)
    p_gg, p_hf = (float(fdtrc(num * e, den * e, F)) for e in epsilon)
    return {
        "term": term,
        "num_df": num,
        "den_df": den,
        "sum_sq": H,
        "error_sum_sq": E,
        "f_value": F,
        "p_value": float(fdtrc(num, den, F)),
        "gg_epsilon": epsilon[0],
        "p_gg": p_gg,
        "hf_epsilon": epsilon[1],
        "p_hf": p_hf,
        "mauchly_w": c.mauchly if corrected else np.nan,
        "mauchly_p": c.p_value if corrected else np.nan,
        "ges": H / (H + total_error),
    }
