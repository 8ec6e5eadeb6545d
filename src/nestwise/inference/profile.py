"""Profile likelihood of standard deviations, correlations, sigma and fixed effects.

Source: Bates, Maechler, Bolker & Walker (2015), J. Stat. Softw. 67(1), section 5.1; Bates & Watts
(1988), Nonlinear Regression Analysis, section 6.1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy.special import ndtr, ndtri

from nestwise._base.arrays import FloatArray
from nestwise.core.patterns import is_patterned
from nestwise.core.structured.blocks import LARGEST
from nestwise.core.structured.filled import nearest_par
from nestwise.core.threads import limited
from nestwise.fit.lmm import fit_lmm
from nestwise.fit.structured import fit_structured
from nestwise.fit.structured_arrays import structured_arrays
from nestwise.inference.glmm_chart import glmm_charts_of
from nestwise.inference.kinds import GlmmFit, LmmFit, StructuredFit
from nestwise.inference.parameters import Parameter, fit_parameters, fit_values
from nestwise.inference.profile_chart import Chart, Scale, charts_of
from nestwise.inference.profile_path import settle, trace
from nestwise.inference.structured.profile_chart import charts_of_structured
from nestwise.inference.wald import checked_level, chosen

Profiled: TypeAlias = LmmFit | GlmmFit | StructuredFit
"""Fits whose likelihood can be profiled."""

UNDECIDED = 1e-3
"""Rise of zeta up to a boundary that counts as none."""

WHY = {
    "level": "the deviance does not rise further",
    "degenerate": "the model degenerates there",
    "lower": "the deviance falls below that of the estimates; fit again from another start",
}
"""Why a side of a profile may end early."""


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
    refitted : bool
        Whether a fit by REML was refitted by maximum likelihood.
    notes : tuple of str
        Boundaries that were met.
    """

    curves: tuple[Curve, ...]
    level: float
    deviance: float
    refitted: bool
    notes: tuple[str, ...]


def profile(fit: Profiled, params: Sequence[str] | None = None, level: float = 0.99) -> Profile:
    """Profile the likelihood: move one parameter, let all others follow.

    Parameters
    ----------
    fit : LmmFit, GlmmFit or StructuredFit
        The fit; one by REML is first refitted by maximum likelihood, as lme4 does. Fitted values
        in a variance function stay as they are.
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
    ml = _by_maximum_likelihood(fit)
    listed = fit_parameters(fit)
    found = {p.name: value for p, value in zip(fit_parameters(ml), fit_values(ml), strict=True)}
    values = [found[p.name] for p in listed]
    keep = chosen([p.name for p in listed], params, "parameter")
    make = _charts(ml)
    with limited(LARGEST if isinstance(ml, StructuredFit) else 0, ml.control.threads):
        curves = tuple(_curve(make(listed[i]), listed[i], float(values[i]), zeta_max) for i in keep)
    met = tuple(note for curve in curves for note in end_notes(curve, zeta_max))
    return Profile(curves, level, ml.criterion, not isinstance(fit, GlmmFit) and fit.reml, met)


def _by_maximum_likelihood(fit: Profiled) -> Profiled:
    if isinstance(fit, LmmFit) and is_patterned(fit.problem):
        return _by_structures(fit)
    if isinstance(fit, GlmmFit) or not fit.reml:
        return fit
    if isinstance(fit, StructuredFit):
        return fit_structured(fit.design, reml=False, control=fit.control, start=fit.par)
    return fit_lmm(fit.design, reml=False, control=fit.control, start=fit.theta)


def _by_structures(fit: LmmFit) -> StructuredFit:
    """A model with structured random effects, in the engine whose parameters are theirs."""
    arrays = structured_arrays(fit.design)
    halves = [
        Lambda * term.scale[:, None]
        for Lambda, term in zip(fit.lambdas, arrays.effects, strict=True)
    ]
    start = nearest_par(arrays, halves)
    return fit_structured(fit.design, reml=False, control=fit.control, start=start)


def _charts(fit: Profiled) -> Callable[[Parameter], Chart]:
    if isinstance(fit, GlmmFit):
        return glmm_charts_of(fit)
    return charts_of_structured(fit) if isinstance(fit, StructuredFit) else charts_of(fit)


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


def end_notes(curve: Curve, zeta_max: float) -> tuple[str, ...]:
    """What must be said of the ends of one curve that are nearer than `zeta_max`.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Yield ~ 1 + (1 | Batch)", nw.load_dataset("Dyestuff2"), REML=False)
    >>> print(end_notes(profile(m.fit, ["sd_(Intercept)|Batch"]).curves[0], 1.96)[0])
    sd_(Intercept)|Batch: the estimate is at the boundary 0, where its intervals begin.
    """
    out, name = [], curve.parameter.name
    ends = ((curve.low_end, "lower", 0, "begin"), (curve.high_end, "upper", -1, "end"))
    for end, which, at, verb in ends:
        zeta = abs(float(curve.zeta[at]))
        if zeta >= zeta_max or end == "reached":
            continue
        value = float(curve.value[at]) + 0.0
        if end == "boundary" and zeta < UNDECIDED:
            there = abs(float(curve.value[at]) - curve.estimate) < 1e-6
            why = (
                f"the estimate is at the boundary {value:.3g}, where its intervals {verb}."
                if there
                else f"the data do not tell it from the boundary {value:.3g}."
            )
            out.append(f"{name}: {why}")
        elif end == "boundary":
            level = 2.0 * float(ndtr(zeta)) - 1.0
            out.append(
                f"{name}: the deviance rises by only {zeta**2:.3g} up to the boundary {value:.3g}; "
                f"intervals of a level above {100.0 * level:.3g} % {verb} there."
            )
        else:
            out.append(f"{name}: the {which} side ends early, because {WHY[end]}.")
    return tuple(out)


__all__ = ["Curve", "Profile", "end_notes", "profile"]
