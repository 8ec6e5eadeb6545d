"""Questions of fits with structured residuals, one delegation each; see `questions`."""

from __future__ import annotations

from typing import Any, Protocol

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import one_of
from nestwise._base.options import flag
from nestwise.api.source import Source, to_native
from nestwise.fit.structured_result import StructuredFit
from nestwise.inference import fitmeasures
from nestwise.inference.ranef import ranef as ranef_of
from nestwise.inference.simulate import simulate as simulate_of
from nestwise.inference.structured import parameters
from nestwise.inference.structured.predict import predict_structured, predict_structured_table
from nestwise.inference.varcorr import varcorr as varcorr_of


class FittedStructured(Protocol):
    """A fitted model with structured residuals."""

    @property
    def fit(self) -> StructuredFit:
        """The frozen numbers."""
        ...

    @property
    def source(self) -> Source:
        """The caller's table and settings."""
        ...


def n_groups(fit: StructuredFit) -> dict[str, int]:
    """Levels of the grouping factors, and the subjects of the residual structure."""
    groups = fitmeasures.n_groups(fit)
    part = fit.design.residual
    if part is not None and part.subject is not None:
        groups.setdefault(part.subject.name, part.subject.n_levels)
    return groups


def varcorr(model: FittedStructured) -> Any:
    """Variance components: ``group var1 var2 vcov sdcor``, the residual in the last row."""
    return to_native(varcorr_of(model.fit), model.source.data)


def ranef(model: FittedStructured, cond_var: bool = False) -> Any:
    """Conditional modes of the random effects: ``group level term estimate [cond_var]``."""
    return to_native(ranef_of(model.fit, cond_var), model.source.data)


def residual_parameters(model: FittedStructured, level: float | None = 0.95) -> Any:
    """Correlations, ratios of sds, powers and sigma: ``part arm term estimate`` and intervals."""
    return to_native(parameters.residual_parameters(model.fit, level), model.source.data)


def residual_covariance(model: FittedStructured) -> Any:
    """Covariance of the residuals by visit and arm: ``arm visit1 visit2 vcov cor``."""
    return to_native(parameters.residual_covariance(model.fit), model.source.data)


def predict(
    model: FittedStructured,
    newdata: Any = None,
    *,
    re_form: str | None = "all",
    type: str = "response",
    allow_new_levels: bool = False,
    residual: bool = False,
    se: bool = False,
    interval: str | None = None,
    level: float = 0.95,
) -> Any:
    """Predicted responses, with standard errors and intervals when asked for.

    `newdata`, `re_form`, `allow_new_levels`, `se`, `interval` as for a mixed model. `residual`:
    new rows of a known subject, such as a missed visit, also get what its other residuals tell.

    Returns (n_rows,) float64, or with `se` or `interval` a table ``fit se [lower upper]``.
    """
    one_of("type", type, ("response", "link"))
    chosen: dict[str, Any] = {
        "re_form": re_form,
        "allow_new_levels": allow_new_levels,
        "residual": residual,
    }
    if not flag("se", se) and interval is None:
        return predict_structured(model.fit, newdata, **chosen)
    table = predict_structured_table(model.fit, newdata, interval=interval, level=level, **chosen)
    return to_native(table, model.source.data)


def simulate(
    model: FittedStructured, n: int = 1, *, seed: int | None = None, conditional: bool = False
) -> FloatArray:
    """(n_obs, n) responses drawn from the fit, on the rows used.

    `conditional` keeps the random effects at their modes; else new ones are drawn. Column r
    depends on `seed` and r alone.
    """
    return simulate_of(model.fit, n, seed, conditional)
