"""The residuals' parameters in the words of users, with intervals; their covariance matrix."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import OptionError
from nestwise._base.table import Table
from nestwise.core.residual.visits import Visits
from nestwise.fit.structured_natural import arm_labels, natural_parameters
from nestwise.fit.structured_result import StructuredFit
from nestwise.inference.structured.satterthwaite import parameter_covariance
from nestwise.inference.wald import quantile


def residual_parameters(fit: StructuredFit, level: float | None = None) -> Table:
    """Correlations, ratios of standard deviations, powers: estimates and intervals.

    Intervals are normal on the scale on which a parameter is free and are then transformed. Where
    several free parameters make one (the correlations of ``us``), that scale is Fisher's z for
    correlations and the logarithm for ratios.

    Parameters
    ----------
    fit : StructuredFit
        The fit.
    level : float, optional
        Confidence level; no intervals when None.

    Returns
    -------
    Table
        ``part arm term estimate [std_error conf_low conf_high]``, sigma in the last row.

    Source
    ------
    Pinheiro & Bates (2000), Mixed-Effects Models in S and S-PLUS, section 2.4.3 (intervals on a
    transformed scale).

    Examples
    --------
    >>> import nestwise as nw
    >>> data = nw.load_dataset("sleepstudy")
    >>> m = nw.gls("Reaction ~ Days", data, residual="ar1(Days | Subject)")
    >>> residual_parameters(m.fit)["term"].tolist()
    ['rho', 'sigma']
    """
    natural = fit.natural
    columns = {
        "part": np.append(natural.part, np.array(["sigma"], dtype=object)),
        "arm": np.append(natural.arm, np.array([""], dtype=object)),
        "term": np.append(natural.names, np.array(["sigma"], dtype=object)),
        "estimate": np.append(natural.values, fit.sigma),
    }
    if level is None:
        return Table(columns)
    m = fit.par.size
    slopes = np.zeros((len(natural.values) + 1, m + 1))
    slopes[:-1, :m] = natural.slopes
    slopes[-1, m] = fit.sigma
    covariance = parameter_covariance(fit)
    std_error = np.sqrt(np.einsum("ki,ij,kj->k", slopes, covariance, slopes))
    low, high = _intervals(fit, columns["estimate"], std_error, level)
    return Table({**columns, "std_error": std_error, "conf_low": low, "conf_high": high})


def _intervals(
    fit: StructuredFit, values: FloatArray, std_error: FloatArray, level: float
) -> tuple[FloatArray, FloatArray]:
    """Limits on the free scale, transformed; Fisher's z or the logarithm where several pars mix."""
    width = quantile(np.full(values.size, np.inf), level)
    half = width * std_error
    low, high = values - half, values + half
    for i, name in enumerate([*fit.natural.names, "sigma"]):
        value = float(values[i])
        used = [] if name == "sigma" else np.flatnonzero(fit.natural.slopes[i]).tolist()
        if len(used) == 1:
            step = half[i] / abs(float(fit.natural.slopes[i, used[0]]))
            ends = [_moved(fit, i, used[0], sign * step) for sign in (-1.0, 1.0)]
            low[i], high[i] = min(ends), max(ends)
        elif name.startswith(("rho", "cor")) and abs(value) < 1.0:
            z, step = np.arctanh(value), half[i] / (1.0 - value**2)
            low[i], high[i] = np.tanh(z - step), np.tanh(z + step)
        elif value > 0.0:
            step = half[i] / value
            low[i], high[i] = value * np.exp(-step), value * np.exp(step)
    return low, high


def _moved(fit: StructuredFit, i: int, at: int, step: float) -> float:
    """The i-th natural parameter when one par is moved."""
    par = fit.par.copy()
    par[at] += step
    return float(natural_parameters(fit.design, fit.problem.arrays, par).values[i])


def residual_covariance(fit: StructuredFit) -> Table:
    """The covariance matrix of the residuals of a subject seen at every visit, by arm.

    The variance function is left out: these are the matrices sigma^2 C of the structure, with
    the arms' own scales.

    Parameters
    ----------
    fit : StructuredFit
        With a structure that reads visits.

    Returns
    -------
    Table
        ``arm visit1 visit2 vcov cor``, the lower triangle of each matrix by columns.

    Raises
    ------
    OptionError
        When there is no structure, or one that reads distances.

    Examples
    --------
    >>> import nestwise as nw
    >>> data = nw.load_dataset("sleepstudy")
    >>> m = nw.gls("Reaction ~ Days", data, residual="ar1(Days | Subject)")
    >>> t = residual_covariance(m.fit)
    >>> t["visit2"][:3].tolist(), t["cor"][0].item()
    (['0', '1', '2'], 1.0)
    """
    part, errors = fit.design.residual, fit.problem.arrays.errors
    structure = errors.structure
    if part is None or structure is None or structure.needs != "visits":
        raise OptionError(
            "residual_covariance is for structures by visit, such as us, cs or ar1; this fit has "
            f"{'none' if structure is None else repr(structure.name)}"
        )
    v, size = errors.n_visits, errors.n_structure
    visits = Visits(np.arange(v, dtype=np.int32), np.arange(v, dtype=np.float64), v)
    rows, columns = np.triu_indices(v)
    labels = np.array(part.visit_labels, dtype=object)
    own = fit.filled[fit.theta.size : fit.theta.size + errors.n_arms * size]
    scales = np.append(0.0, fit.filled[fit.theta.size + own.size :][: errors.n_arms - 1])
    out: dict[str, list[FloatArray]] = {k: [] for k in ("arm", "v1", "v2", "vcov", "cor")}
    for a, (arm, par) in enumerate(
        zip(arm_labels(part), own.reshape(errors.n_arms, size), strict=True)
    ):
        R, _ = structure.covariance(par, visits)
        sd = np.sqrt(R.diagonal())
        out["arm"].append(np.array([arm] * len(rows), dtype=object))
        out["v1"].append(labels[rows])
        out["v2"].append(labels[columns])
        out["vcov"].append(fit.sigma**2 * np.exp(2.0 * scales[a]) * R[rows, columns])
        out["cor"].append((R / np.outer(sd, sd))[rows, columns])
    whole = {name: np.concatenate(parts) for name, parts in out.items()}
    return Table(
        {
            "arm": whole["arm"],
            "visit1": whole["v1"],
            "visit2": whole["v2"],
            "vcov": whole["vcov"],
            "cor": whole["cor"],
        }
    )
