"""A fit in two parts: its numbers, and what is made again from its design.

Compiled cross-products and kernels cannot be written into a file or sent to another process; the
numbers can, and with them the fit comes back to the last bit, without optimising again.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, TypeAlias

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.copies import sent_fields
from nestwise.core.centred import into_centred
from nestwise.core.families.family import Family
from nestwise.core.families.registry import FAMILIES, received_family
from nestwise.core.glmm import evaluate_glmm
from nestwise.core.links.registry import LINKS, received_link
from nestwise.core.lmm import evaluate
from nestwise.core.structured.evaluate import evaluate as evaluate_structured
from nestwise.core.structured.problem import make_problem, user_beta
from nestwise.fit.assemble import model_arrays
from nestwise.fit.glmm import is_structured
from nestwise.fit.glmm_model import GlmmModel, make_glmm
from nestwise.fit.glmm_quadrature import laplace_kernel, with_points_of
from nestwise.fit.glmm_result import GlmmFit
from nestwise.fit.problems import make_problems
from nestwise.fit.result import LmFit, LmmFit
from nestwise.fit.structured_arrays import structured_arrays
from nestwise.fit.structured_natural import natural_parameters
from nestwise.fit.structured_result import StructuredFit

AnyFit: TypeAlias = LmmFit | GlmmFit | StructuredFit | LmFit

MADE: dict[type, tuple[str, ...]] = {
    LmmFit: ("problem", "working"),
    GlmmFit: ("model",),
    StructuredFit: ("problem", "natural"),
    LmFit: (),
}
"""What is made again, by kind of fit."""


@dataclass(frozen=True, slots=True, eq=False)
class FitParts:
    """A fit without what is compiled.

    Parameters
    ----------
    kind : type
        The class of the fit.
    values : dict
        Its other fields by name, the design among them; of residuals whose variance depends on
        the fitted values also ``"features"``, the values that were last taken.
    """

    kind: type
    values: dict[str, Any]


def taken_apart(fit: AnyFit) -> FitParts:
    """All of a fit but what has to be made again.

    Parameters
    ----------
    fit : LmmFit, GlmmFit, StructuredFit or LmFit
        The fit.
    """
    kind = type(fit)
    values = {f.name: getattr(fit, f.name) for f in fields(fit) if f.name not in MADE[kind]}
    if isinstance(fit, StructuredFit) and fit.problem.arrays.errors.features.size:
        values["features"] = fit.problem.arrays.errors.features
    if isinstance(fit, GlmmFit):
        values |= {"family": _family_sent(fit.family), "link": sent_fields(fit.link, LINKS)}
    return FitParts(kind, values)


def _family_sent(family: Family) -> dict[str, tuple[Any, ...]]:
    """For a worker, which gets the link apart; links of the caller's own are left out."""
    named = tuple(link for link in family.links if isinstance(link, str))
    return sent_fields(replace(family, links=named), FAMILIES)


def reduced(fit: AnyFit) -> tuple[Any, ...]:
    """A fit as pickle takes it.

    Parameters
    ----------
    fit : LmmFit, GlmmFit or StructuredFit
        The fit.

    Raises
    ------
    OptionError
        When family or link are the caller's own and have functions that pickle does not find.

    Examples
    --------
    >>> import pickle
    >>> import nestwise as nw
    >>> m = nw.lmer("Yield ~ 1 + (1 | Batch)", nw.load_dataset("Dyestuff"))
    >>> pickle.loads(pickle.dumps(m)).criterion == m.criterion
    True
    """
    parts = taken_apart(fit)
    if isinstance(fit, GlmmFit):
        whole = {"family": fit.family, "link": fit.link}
        parts = FitParts(parts.kind, parts.values | whole)
    return put_together, (parts,)


def put_together(parts: FitParts) -> Any:
    """The fit again, to the last bit.

    Parameters
    ----------
    parts : FitParts
        From `taken_apart`.
    """
    if parts.kind is LmFit:
        return LmFit(**parts.values)
    if parts.kind is StructuredFit:
        return _structured(dict(parts.values))
    design, control = parts.values["design"], parts.values["control"]
    if parts.kind is GlmmFit:
        family, link = parts.values["family"], parts.values["link"]
        known = {"family": received_family(family), "link": received_link(link)}
        return _generalised(parts.values | known)
    made = make_problems(model_arrays(design), control)
    return LmmFit(problem=made.problem, working=made.working, **parts.values)


def _structured(values: dict[str, Any]) -> StructuredFit:
    features = values.pop("features", None)
    design = values["design"]
    mu = None if features is None else np.ones(design.y.size)
    arrays = structured_arrays(design, mu)
    if features is not None:
        arrays = replace(arrays, errors=replace(arrays.errors, features=features))
    natural = natural_parameters(design, arrays, values["par"])
    return StructuredFit(problem=make_problem(arrays), natural=natural, **values)


def _model(values: dict[str, Any]) -> GlmmModel:
    design, control = values["design"], values["control"]
    family, link, points = values["family"], values["link"], values["n_agq"]
    model = make_glmm(design, family, link, control, laplace_kernel, not is_structured(design))
    return model if points == 1 else with_points_of(model, control, points)


def _generalised(values: dict[str, Any]) -> GlmmFit:
    return GlmmFit(model=_model(values).problem, **values)


def criterion_again(fit: LmmFit | GlmmFit | StructuredFit) -> tuple[float, FloatArray]:
    """The criterion and, where it gives them, the coefficients, by one evaluation at the estimates.

    Parameters
    ----------
    fit : LmmFit, GlmmFit or StructuredFit
        The fit.

    Returns
    -------
    float
        Equal to ``fit.criterion`` but for rounding.
    (p,) float64
        Coefficients that go with the covariance parameters; of a GLMM those of the fit.
    """
    if isinstance(fit, GlmmFit):
        return _glmm_criterion(fit), fit.beta
    if isinstance(fit, StructuredFit):
        found = evaluate_structured(fit.problem, fit.par, fit.reml)
        return found.value, user_beta(fit.problem, found.delta)
    there = evaluate(fit.working, fit.working_theta, fit.reml, 0)
    return there.criterion, there.beta


def _glmm_criterion(fit: GlmmFit) -> float:
    model = _model({f.name: getattr(fit, f.name) for f in fields(fit)})
    layout, theta = model.problem.layout, fit.theta
    if model.centering is not None:
        theta = into_centred(layout, model.centering, theta)
    inside = np.linalg.solve(layout.basis.to_user, fit.beta)
    last = [] if fit.phi is None else [np.log(fit.phi)]
    psi = np.concatenate([fit.sigma * theta * layout.theta_scale, inside, last])
    values = [evaluate_glmm(model.problem, psi, u, 0).value for u in (fit.u, None)]
    return float(np.nanmin(values)) if np.isfinite(values).any() else float("nan")


__all__ = ["AnyFit", "FitParts", "criterion_again", "put_together", "reduced", "taken_apart"]
