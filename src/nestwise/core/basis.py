"""Centred and scaled coordinates of the fixed effects, in which no digits are lost.

`compiled_basis` is what the engine uses; `make_basis` and `residual` are its readable twins.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core import _kernels

CHUNK = 1 << 16
"""Rows that are centred at a time: X itself is never copied whole."""


@dataclass(frozen=True, slots=True, eq=False)
class Basis:
    """The map between the user's coefficients and those of centred, scaled columns.

    Parameters
    ----------
    center, scale : (p,) float64
        Column j enters as (x - center) / scale; the intercept has 0 and 1.
    shift : (p,) float64
        Coefficients (scaled) of a first least-squares fit, already taken out of y.
    to_user : (p, p) float64
        beta = to_user @ beta_scaled.
    log_det : float
        log |det to_user|.
    """

    center: FloatArray
    scale: FloatArray
    shift: FloatArray
    to_user: FloatArray
    log_det: float


def _moments(X: FloatArray, intercept: int) -> tuple[FloatArray, FloatArray]:
    """Center and scale of each column; without an intercept nothing is centred."""
    p = X.shape[1]
    center, scale = np.zeros(p), np.ones(p)
    for j in range(p):
        if j == intercept:
            continue
        x = X[:, j]
        center[j] = x.mean() if intercept >= 0 else 0.0
        size = float(np.linalg.norm(x - center[j])) / np.sqrt(len(x))
        scale[j] = size if size > 0.0 else 1.0
    return center, scale


def first_fit(y: FloatArray, X: FloatArray, center: FloatArray, scale: FloatArray) -> FloatArray:
    """Least-squares coefficients of y on the centred, scaled columns, in chunks of rows.

    It only has to be near: whatever it takes out of y is put back into beta exactly.
    """
    p = X.shape[1]
    G, h = np.zeros((p, p)), np.zeros(p)
    for start in range(0, len(y), CHUNK):
        part = (X[start : start + CHUNK] - center) / scale
        G += part.T @ part
        h += part.T @ y[start : start + CHUNK]
    try:
        return np.asarray(np.linalg.solve(G, h))
    except np.linalg.LinAlgError:
        return np.asarray(np.linalg.lstsq(G, h, rcond=None)[0])


def residual(y: FloatArray, X: FloatArray, basis: Basis, intercept: int) -> FloatArray:
    """y less the first fit, (n,).

    The level goes first and alone: rounding then is that of small numbers, however far y is from
    zero.
    """
    shift = basis.shift.copy()
    out = y.copy()
    if intercept >= 0:
        out -= shift[intercept]
        shift[intercept] = 0.0
    for start in range(0, len(y), CHUNK):
        part = (X[start : start + CHUNK] - basis.center) / basis.scale
        out[start : start + CHUNK] -= part @ shift
    return out


def make_basis(y: FloatArray, X: FloatArray, intercept: int) -> Basis:
    """Choose the coordinates for a response and a model matrix.

    Parameters
    ----------
    y : (n,) float64
        Response less offset.
    X : (n, p) float64
        Full column rank.
    intercept : int
        Position of the column of ones, -1 when there is none.

    Returns
    -------
    Basis
        Coordinates in which X is well scaled and y nearly centred.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.column_stack([np.ones(3), np.array([1e8, 1e8 + 1, 1e8 + 2])])
    >>> b = make_basis(np.array([1.0, 2.0, 3.0]), X, 0)
    >>> np.round(b.to_user @ b.shift, 6)[1].item()
    1.0
    """
    center, scale = _moments(X, intercept)
    return known_basis(center, scale, first_fit(y, X, center, scale), intercept)


def compiled_basis(y: FloatArray, X: FloatArray, intercept: int) -> tuple[Basis, FloatArray]:
    """`make_basis` and `residual` in one compiled pass.

    Parameters
    ----------
    y : (n,) float64
        Response less offset.
    X : (n, p) float64, Fortran order
        Full column rank.
    intercept : int
        Position of the column of ones, -1 when there is none.

    Returns
    -------
    Basis, (n,) float64
        The coordinates, and y less the first fit.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.asfortranarray(np.column_stack([np.ones(3), np.array([1.0, 2.0, 4.0])]))
    >>> basis, rest = compiled_basis(np.array([1.0, 2.0, 4.0]), X, 0)
    >>> basis.shift.round(6).tolist(), bool(np.abs(rest).max() < 1e-12)
    ([2.333333, 1.247219], True)
    """
    center, scale, shift, rest = _kernels.make_basis(y, np.asfortranarray(X), intercept)
    return known_basis(center, scale, shift, intercept), rest


def known_basis(center: FloatArray, scale: FloatArray, shift: FloatArray, intercept: int) -> Basis:
    """The map to the user's coefficients beside what it is made of."""
    p = len(scale)
    inverse = 1.0 / scale
    to_user = np.zeros((p, p))
    to_user.flat[:: p + 1] = inverse
    if intercept >= 0:
        to_user[intercept] -= center * inverse
    return Basis(center, scale, shift, to_user, -float(np.log(scale).sum()))
