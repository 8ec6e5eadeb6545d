"""Likelihood-ratio test by simulation under the smaller model.

Source: Halekoh & Højsgaard (2014), J. Stat. Softw. 59(9), sections 3-4; Besag & Clifford (1991),
Biometrika 78, 301-304 (stopping early).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import OptionError
from nestwise.fit.lmm import fit_lmm
from nestwise.fit.parts import FitParts, put_together, taken_apart
from nestwise.inference.fitmeasures import fit_measures
from nestwise.inference.kinds import GlmmFit, LmFit, LmmFit, PlainFit
from nestwise.inference.lrt import check_comparable
from nestwise.inference.pb_statistic import deviance_of, statistic_maker
from nestwise.inference.replicates import run
from nestwise.inference.simulate import positive_count, seed_entropy

EARLY = 20
"""Exceedances after which ``early_stop=True`` ends."""


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """A bootstrap likelihood-ratio test.

    Parameters
    ----------
    statistic : float
        Observed likelihood ratio, by maximum likelihood.
    df : int
        Difference in the numbers of parameters.
    simulated : (n_used,) float64
        Its values under the smaller model.
    n_done, n_failed : int
        Replicates computed, and those of them that could not be fitted.
    p_value : float
        Bootstrap p value.
    stopped_early : bool
        Whether there were enough exceedances before the last replicate.
    interrupted : bool
        Whether Ctrl-C ended it.
    boundary : bool
        Whether the models differ in their random effects.
    seed : int
        Replicate r depends on it and r alone.
    """

    statistic: float
    df: int
    simulated: FloatArray
    n_done: int
    n_failed: int
    p_value: float
    stopped_early: bool
    interrupted: bool
    boundary: bool
    seed: int


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    """Both models: the fits themselves, or their parts, which can be sent to a worker."""

    small: PlainFit | GlmmFit | FitParts
    large: PlainFit | GlmmFit | FitParts
    seed: int

    def begin(self) -> Callable[[int], FloatArray]:
        return statistic_maker(_received(self.small), _received(self.large), self.seed)


def pb_compare(
    fit0: PlainFit | GlmmFit,
    fit1: PlainFit | GlmmFit,
    *,
    n: int = 1000,
    seed: int | None = None,
    n_jobs: int = 1,
    progress: bool = False,
    early_stop: bool | int = False,
) -> Comparison:
    """Test whether the larger of two nested models is needed.

    Parameters
    ----------
    fit0, fit1 : LmmFit or LmFit, or both GlmmFit
        The models, in any order; the one with fewer parameters is simulated from. Fits by REML
        are refitted by maximum likelihood.
    n : int
        Largest number of simulations.
    seed, n_jobs, progress
        As `nestwise.inference.bootstrap.bootstrap`.
    early_stop : bool or int
        Stop as soon as so many simulated statistics (20 for True) exceed the observed one: the p
        value is then their share, and known as well as it needs to be.

    Returns
    -------
    Comparison

    Raises
    ------
    OptionError
        When an argument is out of range or the models have as many parameters.
    DataError
        When the models were fitted to different rows, responses or weights.

    Examples
    --------
    >>> import nestwise as nw
    >>> data = nw.load_dataset("sleepstudy")
    >>> m1 = nw.lmer("Reaction ~ Days + (Days | Subject)", data)
    >>> m0 = m1.update(". ~ 1 + (Days | Subject)")
    >>> c = pb_compare(m0.fit, m1.fit, n=50, seed=1)
    >>> round(c.statistic, 2), c.df, round(c.p_value, 3)
    (23.54, 1, 0.02)
    """
    count, entropy = positive_count("n", n), seed_entropy(seed)
    wanted = _exceedances(early_stop)
    small, large = _ordered(fit0, fit1)
    df = fit_measures(large).n_par - fit_measures(small).n_par
    statistic = max(deviance_of(small) - deviance_of(large), 0.0)
    task = (
        _Task(small, large, entropy)
        if n_jobs == 1
        else _Task(taken_apart(small), taken_apart(large), entropy)
    )
    stop = _stopper(statistic, wanted)
    found = run(task, range(count), n_jobs=n_jobs, progress=progress, enough=stop)
    values = found.rows.ravel()
    used = values[np.isfinite(values)]
    reached = int((used >= _bar(statistic)).sum())
    early = bool(wanted) and reached >= wanted
    p_value = reached / len(used) if early else (reached + 1) / (len(used) + 1)
    return Comparison(
        statistic=statistic,
        df=df,
        simulated=used,
        n_done=len(values),
        n_failed=len(values) - len(used),
        p_value=p_value if len(used) else float("nan"),
        stopped_early=early and len(values) < count,
        interrupted=found.interrupted,
        boundary=_n_theta(small) != _n_theta(large),
        seed=entropy,
    )


def _exceedances(early_stop: bool | int) -> int:
    if isinstance(early_stop, bool):
        return EARLY if early_stop else 0
    return positive_count("early_stop", early_stop)


def _ordered(
    fit0: PlainFit | GlmmFit, fit1: PlainFit | GlmmFit
) -> tuple[PlainFit | GlmmFit, PlainFit | GlmmFit]:
    """Both by maximum likelihood, the smaller first."""
    check_comparable([fit0, fit1])
    if isinstance(fit0, GlmmFit) != isinstance(fit1, GlmmFit):
        raise OptionError(
            "pb_compare: one model is a generalised one and the other is not; compare two of a kind"
        )
    pair = sorted((_by_ml(fit0), _by_ml(fit1)), key=lambda fit: fit_measures(fit).n_par)
    if fit_measures(pair[0]).n_par == fit_measures(pair[1]).n_par:
        raise OptionError(
            "pb_compare: both models have "
            f"{fit_measures(pair[0]).n_par} parameters, so that neither is nested in the other; "
            "compare a model with a smaller one"
        )
    return pair[0], pair[1]


def _by_ml(fit: PlainFit | GlmmFit) -> PlainFit | GlmmFit:
    if isinstance(fit, LmmFit) and fit.reml:
        return fit_lmm(fit.design, reml=False, control=fit.control)
    return fit


def _received(one: PlainFit | GlmmFit | FitParts) -> PlainFit | GlmmFit:
    return put_together(one) if isinstance(one, FitParts) else one


def _n_theta(fit: PlainFit | GlmmFit) -> int:
    return 0 if isinstance(fit, LmFit) else fit.par.size


def _bar(statistic: float) -> float:
    """What counts as reached: equal but for rounding."""
    return statistic - 1e-6


def _stopper(statistic: float, wanted: int) -> Callable[[FloatArray], bool] | None:
    """Whether a row is the last of the exceedances that are wanted."""
    if not wanted:
        return None
    left = iter(range(wanted - 1, -1, -1))

    def enough(row: FloatArray) -> bool:
        return bool(row[0] >= _bar(statistic)) and next(left) == 0

    return enough


__all__ = ["Comparison", "pb_compare"]
