"""Profile likelihood of standard deviations, correlations, sigma and fixed effects.

Source: Bates, Maechler, Bolker & Walker (2015), J. Stat. Softw. 67(1), section 5.1; Bates & Watts
(1988), Nonlinear Regression Analysis, section 6.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from nestwise._base.arrays import FloatArray
from nestwise.fit.lmm import fit_lmm
from nestwise.fit.result import LmmFit
from nestwise.inference.parameters import Parameter, parameter_values, parameters
from nestwise.inference.profile_chart import Chart, Scale, charts_of
from nestwise.inference.profile_path import settle, trace
from nestwise.inference.wald import checked_level, chosen


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """The profile of one parameter.

    Parameters
    ----------
    parameter : Parameter
        Which one.
    estimate : float
        Its maximum likelihood estimate.
    position : (g,) float64
        Increasing values of the internal coordinate.
    zeta : (g,) float64
        Signed square root of the rise of the deviance; 0 at the estimate.
    slope : (g,) float64
        Derivative of zeta by the internal coordinate.
    scale : Scale
        From the internal coordinate to the reported scale.
    low_end, high_end : str
        Why each side ends (`nestwise.inference.profile_path.Side`).
    """

    parameter: Parameter
    estimate: float
    position: FloatArray
    zeta: FloatArray
    slope: FloatArray
    scale: Scale
    low_end: str
    high_end: str

    @property
    def value(self) -> FloatArray:
        """(g,) values on the reported scale."""
        return self.scale.reported(self.position)


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """Profiles of some parameters of a fit by maximum likelihood.

    Parameters
    ----------
    curves : tuple of Curve
        One for each parameter.
    level : float
        Confidence level that the curves reach.
    deviance : float
        -2 log-likelihood at the estimates.
    notes : tuple of str
        Boundaries that were met, and that a REML fit was refitted by ML.
    """

    curves: tuple[Curve, ...]
    level: float
    deviance: float
    notes: tuple[str, ...]


def profile(fit: LmmFit, params: Sequence[str] | None = None, level: float = 0.99) -> Profile:
    """Profile the likelihood: move one parameter, let all others follow.

    Parameters
    ----------
    fit : LmmFit
        The fit; one by REML is first refitted by maximum likelihood, as lme4 does.
    params : sequence of str, optional
        Names of the parameters (`nestwise.inference.parameters`); all by default.
    level : float
        The curves reach as far as intervals of this level need.

    Returns
    -------
    Profile
        Values, zeta and its derivative: `profile_interval` reads intervals off.

    Raises
    ------
    OptionError
        When a name is not a parameter, or `level` is out of range.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days || Subject)", nw.load_dataset("sleepstudy"))
    >>> days = profile(m.fit, ["Days"]).curves[0]
    >>> days.value[[0, -1]].round(1).tolist(), days.zeta[[0, -1]].round(1).tolist()
    ([6.2, 14.7], [-2.6, 2.6])
    """
    zeta_max = float(ndtri(0.5 + 0.5 * checked_level(level)))
    ml = fit_lmm(fit.design, reml=False, control=fit.control) if fit.reml else fit
    listed = parameters(ml.design)
    keep = chosen([p.name for p in listed], params, "parameter")
    values = parameter_values(listed, ml.lambdas, ml.sigma, ml.beta)
    make = charts_of(ml)
    curves = tuple(_curve(make(listed[i]), listed[i], float(values[i]), zeta_max) for i in keep)
    notes = ["The REML fit was refitted by ML: profiles are of the likelihood."] if fit.reml else []
    return Profile(curves, level, ml.criterion, (*notes, *(n for c in curves for n in _notes(c))))


def _curve(chart: Chart, parameter: Parameter, estimate: float, zeta_max: float) -> Curve:
    start = settle(chart.deviance, chart.start, chart.fixed)
    if start is None:
        nothing = np.zeros(1)
        return Curve(
            parameter, estimate, chart.start[chart.fixed : chart.fixed + 1], nothing, nothing,
            chart.scale, "degenerate", "degenerate",
        )  # fmt: skip
    low, high = (
        trace(chart.deviance, start, chart.fixed, sign, limit, chart.most, zeta_max)
        for sign, limit in ((-1, chart.low), (1, chart.high))
    )
    return Curve(
        parameter=parameter,
        estimate=estimate,
        position=np.concatenate([low.position[:0:-1], high.position]),
        zeta=np.concatenate([low.zeta[:0:-1], high.zeta]),
        slope=np.concatenate([low.slope[:0:-1], high.slope]),
        scale=chart.scale,
        low_end=low.end,
        high_end=high.end,
    )


def _notes(curve: Curve) -> list[str]:
    """What must be said of the ends of one curve."""
    out, name = [], curve.parameter.name
    for end, which, at in ((curve.low_end, "lower", 0), (curve.high_end, "upper", -1)):
        if end == "boundary":
            value, rise = float(curve.value[at]) + 0.0, float(curve.zeta[at]) ** 2
            out.append(
                f"{name}: the {which} side meets the boundary at {value:.3g}, where the deviance "
                f"has risen by only {rise:.3g}; the interval is one-sided there."
            )
        elif end == "lower":
            out.append(
                f"{name}: a lower deviance than at the estimates was met on the {which} side; the "
                "fit is not at its optimum, so refit from other starting values."
            )
        elif end in ("level", "degenerate"):
            why = (
                "the deviance does not rise further" if end == "level" else "the model degenerates"
            )
            out.append(f"{name}: the {which} side ends early, because {why}.")
    return out


__all__ = ["Curve", "Profile", "profile"]
