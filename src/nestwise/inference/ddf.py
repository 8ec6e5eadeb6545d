"""The methods for degrees of freedom: one registry, so that all questions answer alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import one_of
from nestwise.inference import kenward_roger, satterthwaite
from nestwise.inference.between_within import between_within_df
from nestwise.inference.kinds import Fit, GlmmFit, LmmFit, StructuredFit
from nestwise.inference.structured import methods as own
from nestwise.inference.wald import vcov


@dataclass(frozen=True, slots=True, eq=False)
class Method:
    """How a method tests contrasts L beta of a fit.

    Parameters
    ----------
    vcov : callable
        fit -> (p, p) covariance of the fixed effects.
    single : callable
        fit, L (q, p) -> (q,) degrees of freedom of the t test of each row.
    joint : callable
        fit, L (q, p) of full row rank -> denominator degrees of freedom of the F test of all rows
        and the factor that scales F.
    """

    vcov: Callable[[Fit], FloatArray]
    single: Callable[[Fit, FloatArray], FloatArray]
    joint: Callable[[Fit, FloatArray], tuple[float, float]]


def _satterthwaite(fit: LmmFit, L: FloatArray) -> tuple[float, float]:
    return satterthwaite.joint_df(fit, L), 1.0


def _between_within(fit: LmmFit, L: FloatArray) -> tuple[float, float]:
    return float(between_within_df(fit, L).min()), 1.0


def _residual(fit: Fit, L: FloatArray) -> FloatArray:
    return np.full(len(L), float(fit.design.y.size - fit.beta.size))


def _residual_joint(fit: Fit, L: FloatArray) -> tuple[float, float]:
    return float(fit.design.y.size - fit.beta.size), 1.0


def _normal(fit: Fit, L: FloatArray) -> FloatArray:
    return np.full(len(L), np.inf)


def _normal_joint(fit: Fit, L: FloatArray) -> tuple[float, float]:
    return np.inf, 1.0


RESIDUAL = Method(vcov, _residual, _residual_joint)
NORMAL = Method(vcov, _normal, _normal_joint)
METHODS_LMM: dict[str, Method] = {
    "satterthwaite": Method(vcov, satterthwaite.degrees_of_freedom, _satterthwaite),  # type: ignore[arg-type]
    "kenward-roger": Method(
        kenward_roger.adjusted_vcov,  # type: ignore[arg-type]
        kenward_roger.kenward_roger_df,  # type: ignore[arg-type]
        kenward_roger.kenward_roger_joint,  # type: ignore[arg-type]
    ),
    "between-within": Method(vcov, between_within_df, _between_within),  # type: ignore[arg-type]
    "residual": RESIDUAL,
    "normal": NORMAL,
}
METHODS_STRUCTURED: dict[str, Method] = {
    **{name: Method(m.vcov, m.single, m.joint) for name, m in own.OWN.items()},  # type: ignore[arg-type]
    "residual": RESIDUAL,
    "normal": NORMAL,
}
METHODS_LM: dict[str, Method] = {"residual": RESIDUAL, "normal": NORMAL}
METHODS_GLMM: dict[str, Method] = {"normal": NORMAL}


def methods(fit: Fit) -> dict[str, Method]:
    """The methods that apply to a kind of fit, its default first."""
    if isinstance(fit, GlmmFit):
        return METHODS_GLMM
    if isinstance(fit, StructuredFit):
        return METHODS_STRUCTURED
    return METHODS_LMM if isinstance(fit, LmmFit) else METHODS_LM


def ddf_name(fit: Fit, ddf: str | None) -> str:
    """The name of a method, the default of this kind of fit when None.

    Raises
    ------
    OptionError
        When `ddf` is not known for this kind of fit.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> ddf_name(m.fit, None)
    'satterthwaite'
    """
    known = tuple(methods(fit))
    return one_of("ddf", known[0] if ddf is None else ddf, known)


def covariance(fit: Fit, ddf: str | None) -> FloatArray:
    """Covariance of the fixed effects as a method has it, (p, p); ``sigma**2 C`` when None.

    Raises
    ------
    OptionError
        When `ddf` is not known for this kind of fit.
    """
    return vcov(fit) if ddf is None else methods(fit)[ddf_name(fit, ddf)].vcov(fit)
