"""Questions without arguments, which the facades show as attributes.

A facade names them in the body of its class (``aic = attributes.aic``), as it does the questions of
`questions` that take arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, final, overload

import pandas as pd

from nestwise._base.arrays import FloatArray
from nestwise._base.diagnostic import Diagnostic
from nestwise.api.answers import by_name
from nestwise.api.fitted import Fitted
from nestwise.fit.glmm_result import GlmmFit
from nestwise.fit.result import LmmFit
from nestwise.fit.structured_result import StructuredFit
from nestwise.inference import fitmeasures
from nestwise.inference.coefficients import coefficients
from nestwise.inference.kinds import MixedFit
from nestwise.inference.solver import solver_told

T = TypeVar("T")


class WithVariances(Protocol):
    """A fitted model with variance parameters."""

    @property
    def fit(self) -> LmmFit | GlmmFit | StructuredFit: ...


class WithGroups(Protocol):
    """A fitted model with grouping factors."""

    @property
    def fit(self) -> MixedFit: ...


@final
@dataclass(frozen=True, slots=True)
class Attribute(Generic[T]):
    """A read-only attribute that a function of the model answers.

    Unlike `property`, it tells type checkers what it gives when it is shared by classes.

    Parameters
    ----------
    question : callable
        The model to the answer; its docstring is that of the attribute.

    Examples
    --------
    >>> class Model:
    ...     size = Attribute(lambda model: 3)
    >>> Model().size
    3
    """

    question: Callable[[Any], T]

    @overload
    def __get__(self, model: None, owner: type) -> Attribute[T]: ...
    @overload
    def __get__(self, model: object, owner: type) -> T: ...
    def __get__(self, model: object | None, owner: type) -> Attribute[T] | T:
        return self if model is None else self.question(model)


def _params(model: Fitted) -> pd.Series[float]:
    """Fixed effects by coefficient name."""
    return by_name(model.fit, model.fit.beta)


def _bse(model: Fitted) -> pd.Series[float]:
    """Standard errors of the fixed effects."""
    return by_name(model.fit, coefficients(model.fit, "normal").std_error)


def _tvalues(model: Fitted) -> pd.Series[float]:
    """Estimates over their standard errors."""
    return by_name(model.fit, coefficients(model.fit, "normal").statistic)


def _pvalues(model: Fitted) -> pd.Series[float]:
    """Two-sided p values, by the method that the kind of fit has by default."""
    return by_name(model.fit, coefficients(model.fit).p_value)


def _sigma(model: Fitted) -> float:
    """Residual standard deviation; 1 for families without a scale."""
    return model.fit.sigma


def _loglik(model: Fitted) -> float:
    """Log-likelihood, restricted for REML."""
    return fitmeasures.fit_measures(model.fit).loglik


def _aic(model: Fitted) -> float:
    """Akaike's information criterion."""
    return fitmeasures.fit_measures(model.fit).aic


def _bic(model: Fitted) -> float:
    """Schwarz's information criterion."""
    return fitmeasures.fit_measures(model.fit).bic


def _nobs(model: Fitted) -> int:
    """Rows used."""
    return model.fit.design.y.size


def _df_resid(model: Fitted) -> int:
    """Rows less the estimated parameters: all of a mixed model, the coefficients of a linear."""
    return fitmeasures.fit_measures(model.fit).df_resid


def _diagnostics(model: Fitted) -> tuple[Diagnostic, ...]:
    """What the fit has to say about itself."""
    return model.fit.diagnostics


def _formula(model: Fitted) -> str:
    """The formula as written."""
    return model.source.formula


def _theta(model: WithVariances) -> FloatArray:
    """Covariance parameters relative to `sigma`, in lme4's order (a copy)."""
    return model.fit.theta.copy()


def _criterion(model: WithVariances) -> float:
    """-2 log-likelihood, restricted for REML."""
    return model.fit.criterion


def _converged(model: WithVariances) -> bool:
    """Whether the optimum was found."""
    return model.fit.verdict.converged


def _is_singular(model: WithVariances) -> bool:
    """Whether a variance is zero or a correlation plus or minus one."""
    return model.fit.verdict.singular


def _n_evaluations(model: WithVariances) -> int:
    """Evaluations of the criterion with its gradient."""
    return model.fit.n_evaluations


def _n_groups(model: WithGroups) -> dict[str, int]:
    """Levels of each grouping factor."""
    return fitmeasures.n_groups(model.fit)


def _solver(model: WithVariances) -> str:
    """How the equations are solved, in words: ``"by level, then a sparse factor ..."``."""
    return solver_told(model.fit)


params = Attribute(_params)
bse = Attribute(_bse)
tvalues = Attribute(_tvalues)
pvalues = Attribute(_pvalues)
sigma = Attribute(_sigma)
loglik = Attribute(_loglik)
aic = Attribute(_aic)
bic = Attribute(_bic)
nobs = Attribute(_nobs)
df_resid = Attribute(_df_resid)
diagnostics = Attribute(_diagnostics)
formula = Attribute(_formula)
theta = Attribute(_theta)
criterion = Attribute(_criterion)
converged = Attribute(_converged)
is_singular = Attribute(_is_singular)
n_evaluations = Attribute(_n_evaluations)
n_groups = Attribute(_n_groups)
solver = Attribute(_solver)
