"""How often a test would find an effect: simulate from known parameters, fit, test, count."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from scipy.special import betaincinv

from nestwise._base.arrays import AnyArray, FloatArray
from nestwise._base.errors import FitError, NestwiseError, OptionError, did_you_mean, one_of
from nestwise._base.table import Table
from nestwise.core.families.family import Family
from nestwise.core.links.link import Link
from nestwise.design.check import check_grouping
from nestwise.design.model import Design
from nestwise.fit.lmm import fit_lmm
from nestwise.inference.refit_tests import LRT, coefficient_tester, generalised_tester
from nestwise.inference.replicates import run
from nestwise.inference.simulate import generator, positive_count, seed_entropy
from nestwise.workflow.extend import extend, extended_factor
from nestwise.workflow.known import Known
from nestwise.workflow.simulate_from import draw_known

TESTS = ("satterthwaite", "kenward-roger", "normal", LRT)

FIRST = 1_000_000_007
"""Number of the replicate that the first fit of a setting is made from; no other uses it."""


GENERALISED = ("normal", LRT)


@dataclass(frozen=True, slots=True, eq=False)
class Distribution:
    """How responses are drawn and fitted.

    Parameters
    ----------
    family : Family
        Normal responses are fitted by REML (or ML), others as a generalised model.
    link : Link
        The link.
    n_agq : int
        Quadrature points of a generalised model.
    """

    family: Family
    link: Link
    n_agq: int = 1

    @property
    def normal(self) -> bool:
        """Whether it is the linear mixed model."""
        return self.family.name == "gaussian" and self.link.name == "identity"


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """One combination of sample size and effect.

    Parameters
    ----------
    n_groups, group_size : int or None
        As asked for; None for as they are.
    effect : float
        The true coefficient.
    design : Design
        Its rows.
    known : Known
        Its parameters.
    """

    n_groups: int | None
    group_size: int | None
    effect: float
    design: Design
    known: Known


@dataclass(frozen=True, slots=True, eq=False)
class PowerTask:
    """Replicate number i is the replicate i modulo `n_sim` of setting i over `n_sim`.

    Parameters
    ----------
    settings : tuple of Setting
        All combinations.
    distribution : Distribution
        Of the responses.
    column : int
        The coefficient.
    test : str
        One of `TESTS`.
    entropy, n_sim : int
        Seed and replicates of each setting. Replicate r draws the same numbers in every setting,
        so that differences between settings are not noise.
    """

    settings: tuple[Setting, ...]
    distribution: Distribution
    column: int
    test: str
    entropy: int
    n_sim: int

    def begin(self) -> Callable[[int], FloatArray]:
        """From the number of a replicate to ``[p, estimate, converged, singular]``."""
        made: dict[int, Callable[[int], FloatArray]] = {}

        def one(number: int) -> FloatArray:
            at, r = divmod(number, self.n_sim)
            if at not in made:
                made.clear()
                made[at] = _of_setting(self, self.settings[at])
            return made[at](r)

        return one


def _of_setting(task: PowerTask, setting: Setting) -> Callable[[int], FloatArray]:
    made = task.distribution

    def drawn(r: int) -> FloatArray:
        rng = generator(task.entropy, r)
        return draw_known(setting.design, setting.known, rng, made.family, made.link)

    if made.normal:
        first = replace(setting.design, y=drawn(FIRST))
        test = coefficient_tester(fit_lmm(first, reml=task.test != LRT), task.column, task.test)
    else:
        how = (made.family, made.link, made.n_agq, task.column, task.test)
        test = generalised_tester(setting.design, *how)

    def one(r: int) -> FloatArray:
        try:
            found = test(drawn(r))
        except (NestwiseError, np.linalg.LinAlgError):
            return np.full(4, np.nan)
        return np.array([found.p_value, found.estimate, found.converged, found.singular])

    return one


@dataclass(frozen=True, slots=True, eq=False)
class Power:
    """What `power` found.

    Parameters
    ----------
    term, test : str
        The coefficient and how it was tested.
    alpha : float
        The level of the test.
    table : Table
        One row for each setting: see `nestwise.power`.
    interrupted : bool
        Whether it was stopped by hand; `n_sim` of the table then says how far it came.
    """

    term: str
    test: str
    alpha: float
    table: Table
    interrupted: bool


def power_of(
    design: Design,
    known: Known,
    distribution: Distribution,
    term: str,
    effects: Sequence[float] | None,
    n_groups: Sequence[int | None],
    group_sizes: Sequence[int | None],
    group: str | None,
    *,
    n_sim: int,
    alpha: float,
    test: str | None,
    seed: int | None,
    n_jobs: int,
    progress: bool,
) -> Power:
    """Power at every combination of effects and sample sizes.

    Parameters
    ----------
    design : Design
        The rows at hand.
    known : Known
        The truth.
    distribution : Distribution
        Of the responses.
    term : str
        Name of the coefficient.
    effects : sequence of float or None
        True values of it; that of `known` when None.
    n_groups, group_sizes : sequence of int or None
        Sample sizes; None for as they are.
    group, n_sim, alpha, test, seed, n_jobs, progress
        As `nestwise.power` documents them.

    Raises
    ------
    OptionError, DataError
        When something is not known or a sample size cannot carry the model.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> nw.power(m, term="Days", n_sim=20, seed=1).table["power"].tolist()
    [1.0]
    """
    names = design.fixed.names
    if term not in names:
        raise OptionError(f"term={term!r} is no coefficient{did_you_mean(str(term), names)}")
    possible = TESTS if distribution.normal else GENERALISED
    chosen = possible[0] if test is None else one_of("test", test, possible)
    checked_alpha(alpha)
    count, column = positive_count("n_sim", n_sim), names.index(term)
    values = [float(known.beta[column])] if effects is None else [_effect(e) for e in effects]
    settings = []
    for n, size in product(n_groups, group_sizes):
        larger = extend(design, group, n, size)
        if distribution.normal:
            check_grouping(larger)
        for effect in values:
            beta = known.beta.copy()
            beta[column] = effect
            settings.append(Setting(n, size, effect, larger, replace(known, beta=beta)))
    task = PowerTask(tuple(settings), distribution, column, chosen, seed_entropy(seed), count)
    found = run(task, range(count * len(settings)), n_jobs=n_jobs, progress=progress)
    if not len(found.rows) or np.isnan(found.rows[:, 0]).all():
        raise FitError("power: none of the simulated data sets could be fitted; check the params")
    table = _table(task, found.rows, alpha, group)
    return Power(term, chosen, alpha, table, found.interrupted)


def checked_alpha(alpha: object) -> float:
    """A level of a test.

    Raises
    ------
    OptionError
        When it is not between 0 and 1.

    Examples
    --------
    >>> checked_alpha(0.05)
    0.05
    """
    if isinstance(alpha, bool) or not isinstance(alpha, (int, float)) or not 0 < alpha < 1:
        raise OptionError(f"alpha={alpha!r} is not between 0 and 1; use for one 0.05")
    return float(alpha)


def _effect(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
        raise OptionError(f"effect={value!r} is not a number")
    if not math.isfinite(value):
        raise OptionError(f"effect={value!r} is not finite")
    return float(value)


def _table(task: PowerTask, rows: FloatArray, alpha: float, group: str | None) -> Table:
    out: list[tuple[float, ...]] = []
    for i, setting in enumerate(task.settings):
        mine = rows[i * task.n_sim : (i + 1) * task.n_sim]
        out.append((*_sizes(setting, group), setting.effect, *_counted(mine, alpha)))
    names = ("n_groups", "group_size", "n_rows", "effect", "power", "std_error", "conf_low",
             "conf_high", "mean_estimate", "n_sim", "n_failed", "share_singular")  # fmt: skip
    whole = ("n_groups", "n_rows", "n_sim", "n_failed")
    columns: dict[str, AnyArray] = {
        name: np.array([row[j] for row in out], dtype=np.int64 if name in whole else np.float64)
        for j, name in enumerate(names)
    }
    return Table(columns)


def _sizes(setting: Setting, group: str | None) -> tuple[float, float, float]:
    """Groups, mean rows in each, and rows."""
    n = setting.design.y.size
    levels = extended_factor(setting.design, group).n_levels
    return levels, n / levels, n


def _counted(rows: FloatArray, alpha: float) -> tuple[float, ...]:
    """Share of rejections with its Monte Carlo error and exact interval, and the rest."""
    good = ~np.isnan(rows[:, 0]) & (rows[:, 2] > 0) if len(rows) else np.zeros(0, np.bool_)
    n = int(good.sum())
    if not n:
        return (*[math.nan] * 5, len(rows), len(rows), math.nan)
    k = int((rows[good, 0] < alpha).sum())
    share = k / n
    low = float(betaincinv(k, n - k + 1, 0.025)) if k else 0.0
    high = float(betaincinv(k + 1, n - k, 0.975)) if k < n else 1.0
    error = math.sqrt(share * (1.0 - share) / n)
    estimate = float(rows[good, 1].mean())
    return share, error, low, high, estimate, len(rows), len(rows) - n, float(rows[good, 3].mean())


__all__ = ["TESTS", "Power", "PowerTask", "Setting", "checked_alpha", "power_of"]
