"""Power of a test by simulation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

from nestwise._base.errors import OptionError
from nestwise.api.generalized import GeneralizedMixedModel
from nestwise.api.mixed import MixedModel
from nestwise.api.source import to_native
from nestwise.core.families.family import Family
from nestwise.core.families.registry import family_named
from nestwise.core.links.link import Link
from nestwise.core.links.registry import link_named
from nestwise.design.model import Design
from nestwise.workflow.known import Known, known_of_fit, read_known
from nestwise.workflow.power import Distribution, Power, power_of
from nestwise.workflow.simulate_from import design_without_response


@final
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PowerResult:
    """What `power` found; prints as a table.

    Parameters
    ----------
    found : Power
        The counts.
    data : table
        The caller's data.
    """

    found: Power
    data: Any

    @property
    def table(self) -> Any:
        """One row for each combination of sample sizes and effects: see `power`."""
        return to_native(self.found.table, self.data)

    @property
    def interrupted(self) -> bool:
        """Whether it was stopped by hand; `n_sim` says how far each row came."""
        return self.found.interrupted

    def __str__(self) -> str:
        from nestwise.present.powertext import power_text

        f = self.found
        return power_text(f.term, f.test, f.alpha, f.table, f.interrupted)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        from nestwise.present.powertext import power_title
        from nestwise.present.tablehtml import page_html

        f = self.found
        stopped = ["The run was stopped by hand."] if f.interrupted else []
        return page_html(power_title(f.term, f.test, f.alpha), [("Power", f.table)], stopped)


def power(
    model: MixedModel | GeneralizedMixedModel | str,
    data: Any = None,
    *,
    term: str,
    params: Mapping[str, Any] | None = None,
    family: str | Family = "gaussian",
    link: str | Link | None = None,
    weights: Any = None,
    effect: float | Sequence[float] | None = None,
    n_groups: int | Sequence[int] | None = None,
    group_size: int | Sequence[int] | None = None,
    group: str | None = None,
    n_sim: int = 500,
    alpha: float = 0.05,
    test: str | None = None,
    seed: int | None = None,
    n_jobs: int = 1,
    progress: bool = False,
) -> PowerResult:
    """How often a study would find an effect, by simulation.

    Responses are drawn from known parameters, the model is fitted to each (a linear mixed model by
    the fast refit, in which only the response changes), and the coefficient is tested.

    Parameters
    ----------
    model : MixedModel, GeneralizedMixedModel or str
        A fit, whose estimates are the truth, or a formula with `data` and `params`.
    data : table, optional
        With a formula: the covariates and groups; the response need not be there.
    term : str
        The coefficient that is tested.
    params, family, link, weights
        With a formula: the truth, as for `simulate_from`.
    effect : float or sequence of float, optional
        True values of the coefficient; that of the model by default.
    n_groups, group_size : int or sequence of int, optional
        Numbers of groups, and of rows in each; as in the data by default. Groups and rows are
        copied, or left out evenly.
    group : str, optional
        The grouping factor that they speak of; that with the fewest groups by default. What is
        nested in a group is copied with it.
    n_sim : int
        Simulated data sets for each combination.
    alpha : float
        Level of the test.
    test : str, optional
        ``"satterthwaite"`` (the default), ``"kenward-roger"``, ``"normal"`` (the default of
        generalised models) or ``"lrt"`` (likelihood ratio).
    seed, n_jobs : int, optional
        The same seed gives the same answer, whatever the number of processes (-1: all cores).
    progress : bool
        Whether to show a bar. Ctrl-C ends the run and keeps what is there.

    Returns
    -------
    PowerResult
        `table`: ``n_groups group_size n_rows effect power std_error conf_low conf_high
        mean_estimate n_sim n_failed share_singular``. `std_error` is the Monte Carlo error of
        `power`, the limits its exact 95 % interval (Clopper & Pearson 1934, Biometrika 26);
        `n_failed` fits that did not converge do not count.

    Raises
    ------
    NestwiseError
        When something is not known, or a sample size cannot carry the model.

    Examples
    --------
    >>> import nestwise as nw
    >>> pupils = nw.simulate_schools(seed=1)[["classroom", "intervention"]]
    >>> truth = {"fixef": {"intervention": 2}, "sd": {"classroom": 3}, "sigma": 6}
    >>> found = nw.power("gain ~ intervention + (1 | classroom)", pupils, term="intervention",
    ...     params=truth, n_groups=[10, 40], n_sim=50, seed=1)
    >>> found.table["n_rows"].tolist(), bool(found.table["power"].is_monotonic_increasing)
    ([150, 600], True)
    """
    asked = _asked(model, data, params, (family, link, weights))
    effects = None if effect is None else _several(effect)
    sizes = _counts("n_groups", n_groups, 2), _counts("group_size", group_size, 1)
    how: dict[str, Any] = {"n_sim": n_sim, "alpha": alpha, "test": test, "seed": seed}
    how |= {"n_jobs": n_jobs, "progress": progress}
    return PowerResult(power_of(*asked[:3], term, effects, *sizes, group, **how), asked[3])


Asked = tuple[Design, Known, Distribution, Any]
Kind = tuple[str | Family, str | Link | None, Any]


def _asked(model: Any, data: Any, params: Mapping[str, Any] | None, kind: Kind) -> Asked:
    """The design, the truth, the distribution of responses, and the caller's table."""
    family, link, weights = kind
    if isinstance(model, (MixedModel, GeneralizedMixedModel)):
        plain = isinstance(family, str) and family == "gaussian"
        if params is not None or data is not None or weights is not None or not plain:
            raise OptionError("power: a fit brings its data and parameters; leave these out")
        return model.fit.design, known_of_fit(model.fit), _distribution(model), model.source.data
    if data is None or params is None:
        raise OptionError("power: a formula needs data and params; or give a fitted mixed model")
    design, _ = design_without_response(model, data, weights, None)
    if not design.terms:
        raise OptionError("power: the model has no random term; add one such as (1 | g)")
    chosen = family_named(family)
    made = Distribution(chosen, link_named(chosen.links[0] if link is None else link))
    gaussian = chosen.name == "gaussian"
    has_phi = chosen.dispersion is not None and not gaussian
    return design, read_known(design, params, has_sigma=gaussian, has_phi=has_phi), made, data


def _distribution(model: MixedModel | GeneralizedMixedModel) -> Distribution:
    if isinstance(model, GeneralizedMixedModel):
        return Distribution(model.fit.family, model.fit.link, model.fit.n_agq)
    return Distribution(family_named("gaussian"), link_named("identity"))


def _several(value: float | Sequence[float]) -> list[float]:
    return [value] if isinstance(value, (int, float)) else list(value)


def _counts(name: str, given: int | Sequence[int] | None, least: int) -> list[int | None]:
    if given is None:
        return [None]
    values = list(given) if isinstance(given, Iterable) else [given]
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise OptionError(f"{name}={value!r} is not a whole number of {least} or more")
    return list(values)


__all__ = ["PowerResult", "power"]
