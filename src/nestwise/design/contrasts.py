"""Contrast matrices with R's values and R's column names."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import AnyArray, FloatArray
from nestwise._base.errors import DataError, did_you_mean

CONTRASTS = ("treatment", "sum", "helmert", "poly")
NUMBERED = "numbered treatment"
"""Treatment contrasts named by position: what R makes of ``C(f, contr.treatment)``."""


def contrast_name(text: object) -> str:
    """The name of a kind of contrasts without R's prefix ``contr.``.

    Raises
    ------
    DataError
        When it is not among `CONTRASTS`.

    Examples
    --------
    >>> contrast_name("contr.sum")
    'sum'
    """
    if isinstance(text, str):
        name = text.removeprefix("contr.").lower()
        if name in CONTRASTS:
            return name
        raise DataError(f"contrasts '{text}' are not known{did_you_mean(name, CONTRASTS)}")
    raise DataError(f"contrasts must be one of {', '.join(CONTRASTS)}; got {text!r}")


def contrast_matrix(kind: str, levels: AnyArray) -> tuple[FloatArray, tuple[str, ...]]:
    """Contrast matrix and the suffixes of its columns.

    Parameters
    ----------
    kind : str
        One of `CONTRASTS`, or `NUMBERED`.
    levels : (k,) ndarray of object
        Labels of the levels.

    Returns
    -------
    matrix : (k, k - 1) float64
        One row a level.
    suffixes : tuple of str
        What R appends to the factor's label.

    Raises
    ------
    DataError
        With fewer than two levels.

    Examples
    --------
    >>> matrix, suffixes = contrast_matrix("sum", np.array(["a", "b"], dtype=object))
    >>> matrix.tolist(), suffixes
    ([[1.0], [-1.0]], ('1',))
    """
    k = len(levels)
    if k < 2:
        raise DataError("contrasts need a factor with at least two levels")
    if kind == "treatment":
        return np.eye(k)[:, 1:], tuple(str(v) for v in levels[1:])
    if kind == "poly":
        return _polynomial(k)
    if kind == NUMBERED:
        return np.eye(k)[:, 1:], tuple(str(i) for i in range(2, k + 1))
    numbers = tuple(str(i) for i in range(1, k))
    if kind == "sum":
        return np.vstack([np.eye(k - 1), -np.ones(k - 1)]), numbers
    matrix = np.triu(-np.ones((k, k - 1)))
    matrix[np.arange(1, k), np.arange(k - 1)] = np.arange(1, k)
    return matrix, numbers


def _polynomial(k: int) -> tuple[FloatArray, tuple[str, ...]]:
    scores = np.arange(k, dtype=np.float64) - (k - 1) / 2
    basis, _, _ = orthogonal_polynomials(scores, k - 1)
    names = [".L", ".Q", ".C"] + [f"^{i}" for i in range(4, k)]
    return basis, tuple(names[: k - 1])


def orthogonal_polynomials(x: FloatArray, degree: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Orthonormal polynomials on the points `x`, of degree 1 .. `degree`, leading terms positive.

    Parameters
    ----------
    x : (n,) float64
        Points, none missing.
    degree : int
        Highest degree; below the number of distinct points.

    Returns
    -------
    basis : (n, degree) float64
        Orthonormal columns, also orthogonal to the constant.
    centres : (degree,) float64
        The a of the recursion p_{j+1} = (x - a_j) p_j - (s_j / s_{j-1}) p_{j-1}.
    norms : (degree + 1,) float64
        Their squared lengths s_0 .. s_degree.

    Notes
    -----
    Three-term recursion of Forsythe (1957, J. SIAM 5, 74-88).

    Examples
    --------
    >>> orthogonal_polynomials(np.array([1.0, 2.0, 3.0]), 1)[0].round(4).ravel().tolist()
    [-0.7071, 0.0, 0.7071]
    """
    before, now = np.zeros_like(x), np.ones_like(x)
    norms, centres, columns = [float(len(x))], [], []
    ratio = 0.0
    for _ in range(degree):
        centre = float(np.dot(x * now, now) / norms[-1])
        following = (x - centre) * now - ratio * before
        norm = float(np.dot(following, following))
        centres.append(centre)
        ratio = norm / norms[-1]
        norms.append(norm)
        columns.append(following / np.sqrt(norm))
        before, now = now, following
    return np.column_stack(columns), np.array(centres), np.array(norms)


def evaluate_polynomials(x: FloatArray, centres: FloatArray, norms: FloatArray) -> FloatArray:
    """The polynomials of `orthogonal_polynomials` at new points.

    Examples
    --------
    >>> _, a, s = orthogonal_polynomials(np.array([1.0, 2.0, 3.0]), 1)
    >>> evaluate_polynomials(np.array([3.0]), a, s).round(4).tolist()
    [[0.7071]]
    """
    before, now = np.zeros_like(x), np.ones_like(x)
    columns = []
    for j, centre in enumerate(centres):
        ratio = norms[j] / norms[j - 1] if j else 0.0
        before, now = now, (x - centre) * now - ratio * before
        columns.append(now / np.sqrt(norms[j + 1]))
    return np.column_stack(columns)
