"""Small steps that the result objects share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import DataError, OptionError, did_you_mean
from nestwise.api.source import Source, check_own_response
from nestwise.api.update import updated_formula
from nestwise.inference.kinds import Fit, GlmmFit

Model = TypeVar("Model")


def by_name(fit: Fit, values: FloatArray) -> pd.Series[float]:
    """Values of the coefficients as a pandas Series by coefficient name.

    Examples
    --------
    >>> from types import SimpleNamespace as S
    >>> import numpy as np
    >>> by_name(S(design=S(fixed=S(names=("ses",)))), np.array([2.0])).to_dict()
    {'ses': 2.0}
    """
    return pd.Series(values.copy(), index=list(fit.design.fixed.names))


def response_of(fit: Fit, y: Any) -> FloatArray:
    """Check a new response and reduce it to the rows that the fit used.

    Parameters
    ----------
    fit : LmmFit or LmFit
        The fit.
    y : array-like
        One number for each used row, or for each row of the data; a single column will do.

    Returns
    -------
    (n,) float64

    Raises
    ------
    DataError
        When the length is neither, or a value is missing, infinite or not a number.

    Examples
    --------
    >>> from types import SimpleNamespace as S
    >>> import numpy as np
    >>> response_of(S(design=S(y=np.zeros(2), kept=None)), [1, 2]).tolist()
    [1.0, 2.0]
    """
    n, kept = fit.design.y.size, fit.design.kept
    try:
        values = np.array(y, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError("refit: the new response is not made of numbers") from None
    if values.ndim == 2 and values.shape[1] == 1:  # as simulate(1) returns it
        values = values[:, 0]
    if kept is not None and values.shape == kept.shape:
        values = values[kept]
    if values.shape != (n,):
        raise DataError(
            f"refit: the new response has shape {values.shape}; give one value for each of the "
            f"{n} rows used"
        )
    if not np.isfinite(values).all():
        raise DataError("refit: the new response has missing or infinite values")
    if not isinstance(fit, GlmmFit) and (values == values[0]).all():
        raise DataError(
            f"refit: the new response is constant: every row is {values[0]:.6g}; there is nothing "
            "to explain"
        )
    return values


def updated(
    call: Callable[..., Model], source: Source, formula: str | None, changes: Mapping[str, Any]
) -> Model:
    """Repeat a call with another formula or other settings.

    Raises
    ------
    OptionError
        When a changed setting is not an argument of the call.

    Examples
    --------
    >>> source = Source({"y": [1]}, "y ~ x", {"weights": None})
    >>> updated(lambda formula, data, **kw: (formula, kw), source, ". ~ . + z", {"weights": "w"})
    ('y ~ x + z', {'weights': 'w'})
    """
    known = ("data", *source.settings)
    for name in changes:
        if name not in known:
            raise OptionError(f"update: {name!r} is not an argument{did_you_mean(name, known)}")
    if "data" not in changes:
        check_own_response(source, "update")
    text = source.formula if formula is None else updated_formula(source.formula, formula)
    settings = {**source.settings, **changes}
    return call(text, settings.pop("data", source.data), **settings)
