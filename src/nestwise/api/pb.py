"""Parametric bootstrap comparison of two fitted models."""

from __future__ import annotations

from nestwise._base.errors import OptionError
from nestwise.api.generalized import GeneralizedMixedModel
from nestwise.api.linear import LinearModel
from nestwise.api.mixed import MixedModel
from nestwise.api.resampled import ComparisonResult
from nestwise.inference import pb_compare as inference


def pb_compare(
    m0: MixedModel | LinearModel | GeneralizedMixedModel,
    m1: MixedModel | LinearModel | GeneralizedMixedModel,
    *,
    n: int = 1000,
    seed: int | None = None,
    n_jobs: int = 1,
    progress: bool = False,
    early_stop: bool | int = False,
) -> ComparisonResult:
    """Compare two nested models by simulation, as R's ``pbkrtest::PBmodcomp``.

    Parameters
    ----------
    m0, m1 : MixedModel or LinearModel, or two GeneralizedMixedModel
        Fits to the same rows, in any order; data are simulated from the smaller one. Fits by
        REML are refitted by maximum likelihood.
    n : int
        Largest number of simulations.
    seed : int, optional
        The same seed gives the same answer whatever `n_jobs`; a fresh one by default.
    n_jobs : int
        Worker processes, -1 for all cores.
    progress : bool
        Whether to show a bar.
    early_stop : bool or int
        Stop as soon as so many simulations (20 for True) exceed the observed statistic (Besag &
        Clifford 1991).

    Returns
    -------
    ComparisonResult
        ``p_value``, ``statistic``, ``df``, ``tidy()``; prints as a table. After Ctrl-C it rests on
        the simulations that were done.

    Raises
    ------
    NestwiseError
        When the models cannot be compared, or an argument is out of range.

    Examples
    --------
    >>> import nestwise as nw
    >>> data = nw.load_dataset("sleepstudy")
    >>> m1 = nw.lmer("Reaction ~ Days + (Days | Subject)", data)
    >>> m0 = nw.lmer("Reaction ~ 1 + (Days | Subject)", data)
    >>> round(nw.pb_compare(m0, m1, n=99, seed=1).p_value, 3)
    0.01
    """
    for model in (m0, m1):
        if not isinstance(model, (MixedModel, LinearModel, GeneralizedMixedModel)):
            raise OptionError(
                f"pb_compare compares fitted models, got {type(model).__name__}; fit with nw.lmer, "
                "nw.glmer or nw.lm first"
            )
    found = inference.pb_compare(
        m0.fit, m1.fit, n=n, seed=seed, n_jobs=n_jobs, progress=progress, early_stop=early_stop
    )
    return ComparisonResult(found, m0.source.data)
