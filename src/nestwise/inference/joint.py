"""The joint covariance of fixed effects and chosen random effects.

Source: Henderson (1975), Biometrics 31, 423-447.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import OptionError, did_you_mean
from nestwise._base.table import Table
from nestwise.core.equations import Rows, joint_covariance, row_variances
from nestwise.design import level_labels
from nestwise.inference.kinds import EquationsFit

LARGEST = 10_000
"""Effects whose joint covariance is given as one dense matrix."""


@dataclass(frozen=True, slots=True, eq=False)
class JointCovariance:
    """Estimates of beta and b with their covariance.

    Parameters
    ----------
    labels : Table
        ``group level term estimate``: first the fixed effects (group ``"fixed"``, no level), then
        the effects of every chosen level.
    covariance : (r, r) float64
        Of (beta_hat, b_hat - b) given theta and sigma, in the order of the labels.
    """

    labels: Table
    covariance: FloatArray

    @property
    def std_error(self) -> FloatArray:
        """Square roots of the diagonal, (r,)."""
        return np.asarray(np.sqrt(np.diag(self.covariance)), dtype=np.float64)


def joint_vcov(
    fit: EquationsFit, levels: Mapping[str, Sequence[object]] | None = None
) -> JointCovariance:
    """Covariance of the fixed effects and the random effects of chosen levels, together.

    Unlike the conditional variances of `ranef`, it counts that beta is estimated; one right-hand
    side of the mixed-model equations is solved for each effect, and nothing q x q is formed.

    Parameters
    ----------
    fit : LmmFit or GlmmFit
        The fit.
    levels : mapping of str to sequence, optional
        Grouping factor to level labels; by default all levels of all factors.

    Returns
    -------
    JointCovariance

    Raises
    ------
    OptionError
        When a factor or level does not exist.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> j = joint_vcov(m.fit, {"Subject": ["308"]})
    >>> j.labels["term"].tolist(), j.covariance.shape
    (['(Intercept)', 'Days', '(Intercept)', 'Days'], (4, 4))
    """
    p, shapes, factors = fit.beta.size, fit.problem.shapes, fit.design.factors
    chosen = _chosen_levels(fit, levels)
    r = p + sum(len(index) * shapes[f][0] for f, index in chosen.items())
    if r > LARGEST:
        raise OptionError(
            f"the joint covariance of {r} effects would have {r}**2 entries; choose at most "
            f"{LARGEST} by levels={{'group': [...]}}"
        )
    X = np.zeros((r, p))
    X[:p] = np.eye(p)
    codes = [np.full(r, -1, dtype=np.int32) for _ in shapes]
    Z = [np.zeros((r, k)) for k, _ in shapes]
    text = [("fixed", None, name) for name in fit.design.fixed.names]
    estimate, at = [*fit.beta.tolist()], p
    for f, index in chosen.items():
        k, names, modes = _effects(fit, f)
        labels = level_labels(factors[f])
        for level in index:
            codes[f][at : at + k] = level
            Z[f][at : at + k] = np.eye(k)
            text += [(factors[f].name, labels[level], name) for name in names]
            estimate += modes[level].tolist()
            at += k
    rows = Rows(X, tuple(codes), tuple(Z))
    group, level_, term = (np.array(column, dtype=object) for column in zip(*text, strict=True))
    table = {"group": group, "level": level_, "term": term, "estimate": np.array(estimate)}
    covariance = fit.sigma**2 * joint_covariance(fit.problem, fit.theta, rows)
    return JointCovariance(Table(table), covariance)


def coefficient_errors(fit: EquationsFit, factor: int, names: tuple[str, ...]) -> FloatArray:
    """Standard errors of the coefficients of every level: beta + b with their covariance.

    Parameters
    ----------
    fit : LmmFit or GlmmFit
        The fit.
    factor : int
        Grouping factor.
    names : tuple of str
        Coefficients wanted: names of fixed effects, of the factor's random effects, or both.

    Returns
    -------
    (n_levels, len(names)) float64
        Of beta_hat + b_hat as a prediction of beta + b, given theta and sigma.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> coefficient_errors(m.fit, 0, ("Days",))[:2].round(3).ravel().tolist()
    [2.336, 2.336]
    """
    m = fit.problem.shapes[factor][1]
    fixed = fit.design.fixed.names
    _, effects, _ = _effects(fit, factor)
    out = np.empty((m, len(names)))
    for j, name in enumerate(names):
        X = np.zeros((m, len(fixed)))
        if name in fixed:
            X[:, fixed.index(name)] = 1.0
        codes = [np.full(m, -1, dtype=np.int32) for _ in fit.problem.shapes]
        codes[factor] = np.arange(m, dtype=np.int32)
        Z = [np.zeros((m, k)) for k, _ in fit.problem.shapes]
        Z[factor][:] = [float(effect == name) for effect in effects]
        rows = Rows(X, tuple(codes), tuple(Z))
        out[:, j] = fit.sigma * np.sqrt(row_variances(fit.problem, fit.theta, rows))
    return out


def _effects(fit: EquationsFit, factor: int) -> tuple[int, tuple[str, ...], FloatArray]:
    """Number, names and modes (n_levels, k) of a factor's effects, over all its terms."""
    mine = [t for t, term in enumerate(fit.design.terms) if term.factor == factor]
    names = tuple(name for t in mine for name in fit.design.terms[t].columns)
    return len(names), names, np.hstack([fit.modes[t] for t in mine])


def _chosen_levels(
    fit: EquationsFit, levels: Mapping[str, Sequence[object]] | None
) -> dict[int, list[int]]:
    factors = fit.design.factors
    if levels is None:
        return {f: list(range(factor.n_levels)) for f, factor in enumerate(factors)}
    if not isinstance(levels, Mapping):
        raise OptionError("levels must map grouping factors to their levels, as {'g': ['a', 'b']}")
    names = [factor.name for factor in factors]
    chosen = {}
    for group, wanted in levels.items():
        if group not in names:
            raise OptionError(
                f"levels: {group!r} is no grouping factor{did_you_mean(str(group), names)}"
            )
        f = names.index(group)
        known = {str(label): i for i, label in enumerate(level_labels(factors[f]))}
        listed = [wanted] if isinstance(wanted, str) else list(wanted)
        for level in listed:
            if str(level) not in known:
                hint = did_you_mean(str(level), known)
                raise OptionError(f"levels: {group} has no level {str(level)!r}{hint}")
        chosen[f] = [known[str(level)] for level in listed]
    return chosen
