"""Parameters that are known because the user gives them, by name."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import OptionError, did_you_mean
from nestwise.design.model import Design
from nestwise.fit.glmm_result import GlmmFit
from nestwise.fit.result import LmmFit

KEYS = ("fixef", "sd", "cor", "sigma", "phi")


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """True parameters of a design.

    Parameters
    ----------
    beta : (p,) float64
        Fixed effects.
    covariances : tuple of (k, k) float64
        Covariance matrix of the random effects of each term, in the response's (the link's) units.
    sigma : float
        Residual standard deviation; 1 where the family has none.
    phi : float or None
        Dispersion or shape of a family that has one.
    """

    beta: FloatArray
    covariances: tuple[FloatArray, ...]
    sigma: float = 1.0
    phi: float | None = None

    def factors(self) -> tuple[FloatArray, ...]:
        """(k, k) F of each term with F F' its covariance, which may be singular."""
        return tuple(_root(c) for c in self.covariances)


def _root(covariance: FloatArray) -> FloatArray:
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.clip(values, 0.0, None)))


def known_of_fit(fit: LmmFit | GlmmFit) -> Known:
    """The estimates of a fit, taken for the truth.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> known_of_fit(m.fit).covariances[0].round(1).tolist()
    [[612.1, 9.6], [9.6, 35.1]]
    """
    covariances = tuple(fit.sigma**2 * (La @ La.T) for La in fit.lambdas)
    phi = fit.phi if isinstance(fit, GlmmFit) else None
    return Known(fit.beta.copy(), covariances, fit.sigma, phi)


def read_known(
    design: Design, params: Mapping[str, Any], *, has_sigma: bool = True, has_phi: bool = False
) -> Known:
    """Parameters by name for the columns and terms of a design.

    Parameters
    ----------
    design : Design
        Says which names there are.
    params : mapping
        ``fixef``: coefficient names to numbers (those left out are 0), or all in order. ``sd``:
        for each grouping factor a number (if it has one column), or column names to numbers.
        ``cor``: for a factor with several columns a number for all pairs, or a matrix. ``sigma``:
        residual sd. ``phi``: dispersion of the family.
    has_sigma, has_phi : bool
        Whether the family has a residual standard deviation, or a dispersion.

    Raises
    ------
    OptionError
        For a name that is not in the model, a missing sd, or matrices that are not covariances.

    Examples
    --------
    >>> from nestwise.design import build
    >>> data = {"y": [1.0, 2, 4, 3], "x": [1, 2, 3, 4], "g": list("aabb")}
    >>> design = build("y ~ x + (1 | g)", data)
    >>> read_known(design, {"fixef": {"x": 2}, "sd": {"g": 3}, "sigma": 1}).beta.tolist()
    [0.0, 2.0]
    """
    if not isinstance(params, Mapping):
        raise OptionError(f"params must be a dict with {', '.join(KEYS)}, got {params!r}")
    for name in params:
        if name not in KEYS:
            raise OptionError(f"params: {name!r} is not known{did_you_mean(str(name), KEYS)}")
    sigma = _positive("sigma", params.get("sigma")) if has_sigma else 1.0
    if not has_sigma and "sigma" in params:
        raise OptionError("params: this family has no sigma; leave it out")
    if has_phi != ("phi" in params):
        text = "needs phi, its dispersion" if has_phi else "has no phi; leave it out"
        raise OptionError(f"params: this family {text}")
    phi = _positive("phi", params["phi"]) if has_phi else None
    return Known(_fixef(design, params.get("fixef")), _covariances(design, params), sigma, phi)


def _positive(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
        raise OptionError(f"params: {name}={value!r} is not a number; give one above 0")
    if not (math.isfinite(value) and value > 0):
        raise OptionError(f"params: {name}={value!r} is not above 0")
    return float(value)


def _fixef(design: Design, given: Any) -> FloatArray:
    names = design.fixed.names
    given = {} if given is None else given
    if isinstance(given, Mapping):
        for name in given:
            if name not in names:
                raise OptionError(
                    f"params: fixef {name!r} is no coefficient{did_you_mean(str(name), names)}"
                )
        given = [given.get(name, 0.0) for name in names]
    values = _numbers("fixef", given)
    if values.shape != (len(names),):
        raise OptionError(
            f"params: fixef has {values.size} values; the model has {len(names)} coefficients: "
            f"{', '.join(names)}"
        )
    return values


def _numbers(what: str, given: Any) -> FloatArray:
    try:
        values = np.array(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise OptionError(f"params: {what}={given!r} is not made of numbers") from None
    if not np.isfinite(values).all():
        raise OptionError(f"params: {what} has a value that is missing or infinite")
    return values


def _covariances(design: Design, params: Mapping[str, Any]) -> tuple[FloatArray, ...]:
    sds, cors = params.get("sd", {}), params.get("cor", {})
    names = [factor.name for factor in design.factors]
    for what, given in (("sd", sds), ("cor", cors)):
        if not isinstance(given, Mapping):
            raise OptionError(f"params: {what} must name the groups: {{{names[:1]}: ...}}")
        for name in given:
            if name not in names:
                raise OptionError(
                    f"params: {what} {name!r} is no group{did_you_mean(str(name), names)}"
                )
    columns = {
        name: [c for t in design.terms if design.factors[t.factor].name == name for c in t.columns]
        for name in names
    }
    by_name = {name: _sds(name, sds.get(name), columns[name]) for name in names}
    out = []
    for term in design.terms:
        name = design.factors[term.factor].name
        sd = np.array([by_name[name][c] for c in term.columns])
        several = len(term.columns) > 1
        cor = _correlation(name, cors.get(name, 0.0) if several else 0.0, len(sd))
        out.append(sd[:, None] * cor * sd)
    return tuple(out)


def _sds(name: str, given: Any, columns: Sequence[str]) -> dict[str, float]:
    """Standard deviation of every column of a grouping factor."""
    if given is None:
        raise OptionError(
            f"params: sd says nothing of {name!r}; give {{{name!r}: {{{columns[0]!r}: ...}}}}"
        )
    if isinstance(given, Mapping):
        for column in given:
            if column not in columns:
                raise OptionError(
                    f"params: sd of {name!r}: {column!r} does not vary there"
                    f"{did_you_mean(str(column), columns)}"
                )
        given = [given.get(column, 0.0) for column in columns]
    values = np.atleast_1d(_numbers(f"sd of {name!r}", given))
    if values.shape != (len(columns),) or (values < 0).any():
        raise OptionError(
            f"params: sd of {name!r} needs {len(columns)} numbers that are 0 or more, for "
            f"{', '.join(columns)}; got {given!r}"
        )
    return dict(zip(columns, values.tolist(), strict=True))


def _correlation(name: str, given: Any, k: int) -> FloatArray:
    values = _numbers(f"cor of {name!r}", given)
    matrix = np.full((k, k), float(values)) if values.ndim == 0 else values
    if matrix.shape != (k, k):
        raise OptionError(f"params: cor of {name!r} must be a number or a {k} x {k} matrix")
    matrix = matrix.copy()
    if values.ndim == 0:
        np.fill_diagonal(matrix, 1.0)
    symmetric = np.allclose(matrix, matrix.T) and np.allclose(np.diag(matrix), 1.0)
    if not symmetric or np.linalg.eigvalsh(matrix)[0] < -1e-9:
        raise OptionError(f"params: cor of {name!r} is no correlation matrix: {matrix.tolist()}")
    return matrix


__all__ = ["Known", "known_of_fit", "read_known"]
