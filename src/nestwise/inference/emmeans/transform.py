"""Back from the scale of a transformed response: ``log(y)``, ``sqrt(y)`` and the like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.formula.syntax import Call, Expr


@dataclass(frozen=True, slots=True)
class Transform:
    """A transformation of the response that can be undone.

    Parameters
    ----------
    name : str
        As it is printed: ``"log"``.
    back : callable
        From the scale of the fit to that of the response.
    slope : callable
        Its derivative.
    logarithm : bool
        Whether differences on the scale of the fit are ratios on that of the response.
    """

    name: str
    back: Callable[[FloatArray], FloatArray]
    slope: Callable[[FloatArray], FloatArray]
    logarithm: bool


def _logarithm(name: str, base: float) -> Transform:
    return Transform(
        name,
        lambda x: np.asarray(base**x, dtype=np.float64),
        lambda x: np.asarray(np.log(base) * base**x, dtype=np.float64),
        True,
    )


KNOWN = {
    "log": Transform("log", np.exp, np.exp, True),
    "log2": _logarithm("log2", 2.0),
    "log10": _logarithm("log10", 10.0),
    "log1p": Transform("log1p", np.expm1, np.exp, False),
    "sqrt": Transform("sqrt", np.square, lambda x: 2.0 * x, False),
    "exp": Transform("exp", np.log, lambda x: 1.0 / x, False),
}


def transform_of(response: Expr) -> Transform | None:
    """The transformation of a response, None when it is a plain column or cannot be undone.

    Examples
    --------
    >>> from nestwise.formula.parser import parse
    >>> transform_of(parse("log(y) ~ x").response).name
    'log'
    """
    simple = isinstance(response, Call) and len(response.args) == 1 and not response.keywords[0]
    return KNOWN.get(response.function) if isinstance(response, Call) and simple else None
