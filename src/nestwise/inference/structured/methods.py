"""How fits with structured residuals test contrasts: part of the registry of `inference.ddf`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.fit.structured_result import StructuredFit
from nestwise.inference.structured import kenward_roger, robust, satterthwaite
from nestwise.inference.structured.between_within import between_within_df
from nestwise.inference.wald import vcov


@dataclass(frozen=True, slots=True, eq=False)
class StructuredMethod:
    """Covariance of the fixed effects, degrees of freedom of t, and of F with its scaling."""

    vcov: Callable[[StructuredFit], FloatArray]
    single: Callable[[StructuredFit, FloatArray], FloatArray]
    joint: Callable[[StructuredFit, FloatArray], tuple[float, float]]


def _satterthwaite(fit: StructuredFit, L: FloatArray) -> tuple[float, float]:
    return satterthwaite.joint_df(fit, L), 1.0


def _between_within(fit: StructuredFit, L: FloatArray) -> tuple[float, float]:
    return float(np.min(between_within_df(fit, L))), 1.0


def _robust(kind: str) -> StructuredMethod:
    def covariance(fit: StructuredFit) -> FloatArray:
        return robust.sandwich(fit, kind).vcov

    def single(fit: StructuredFit, L: FloatArray) -> FloatArray:
        return robust.sandwich_df(fit, kind, L)

    def joint(fit: StructuredFit, L: FloatArray) -> tuple[float, float]:
        return robust.sandwich_joint(fit, kind, L), 1.0

    return StructuredMethod(covariance, single, joint)


KENWARD = (kenward_roger.kenward_roger_df, kenward_roger.kenward_roger_joint)
OWN: dict[str, StructuredMethod] = {
    "satterthwaite": StructuredMethod(vcov, satterthwaite.degrees_of_freedom, _satterthwaite),
    "kenward-roger": StructuredMethod(kenward_roger.adjusted_vcov, *KENWARD),
    "kenward-roger-linear": StructuredMethod(kenward_roger.linear_vcov, *KENWARD),
    "between-within": StructuredMethod(vcov, between_within_df, _between_within),
    "CR0": _robust("CR0"),
    "CR2": _robust("CR2"),
    "CR3": _robust("CR3"),
}
"""The methods by name; a new one is a line here."""
