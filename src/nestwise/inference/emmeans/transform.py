"""Back from the scale of the fit: ``log(y)``, ``sqrt(y)`` and the like, and the links of GLMMs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.links.link import Link, mean
from nestwise.formula.syntax import Call, Expr
from nestwise.inference.kinds import Fit, GlmmFit


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
    shown : str
        What the transformed means are called in print: ``"response"``, ``"prob"``, ``"rate"``.
    differences : Transform or None
        Of differences, where it is another one: those of logits are logarithms of odds ratios.
    """

    name: str
    back: Callable[[FloatArray], FloatArray]
    slope: Callable[[FloatArray], FloatArray]
    logarithm: bool
    shown: str = "response"
    differences: Transform | None = None


# Named functions, not lambdas: pickle takes them.
def _power(base: float, x: FloatArray) -> FloatArray:
    return np.asarray(base**x, dtype=np.float64)


def _power_slope(base: float, x: FloatArray) -> FloatArray:
    return np.asarray(np.log(base) * base**x, dtype=np.float64)


def _logarithm(name: str, base: float) -> Transform:
    return Transform(
        name,
        partial(_power, base),
        partial(_power_slope, base),
        True,
    )


KNOWN = {
    "log": Transform("log", np.exp, np.exp, True),
    "log2": _logarithm("log2", 2.0),
    "log10": _logarithm("log10", 10.0),
    "log1p": Transform("log1p", np.expm1, np.exp, False),
    "sqrt": Transform("sqrt", np.square, partial(np.multiply, 2.0), False),
    "exp": Transform("exp", np.log, np.reciprocal, False),
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


ODDS = Transform("log odds ratio", np.exp, np.exp, True, "odds.ratio")


def scale_of(fit: Fit) -> Transform | None:
    """What leads from the scale of the fit to that of the response; None when nothing is known.

    Parameters
    ----------
    fit : LmmFit, LmFit or GlmmFit
        The fit.

    Examples
    --------
    >>> import nestwise as nw
    >>> scale_of(nw.lm("log(Reaction) ~ Days", nw.load_dataset("sleepstudy")).fit).name
    'log'
    """
    if not isinstance(fit, GlmmFit):
        return transform_of(fit.design.formula.response)
    if fit.link.name == "identity":
        return None
    probability = fit.link.mean_lower == 0.0 and fit.link.mean_upper == 1.0
    counts = fit.family.discrete and not fit.family.trials
    shown = "prob" if probability and fit.family.trials else "rate" if counts else "response"
    odds = ODDS if fit.link.name == "logit" else None
    ratios = fit.link.name in ("log", "logit")
    return _of_link(fit.link, ratios, shown, odds)


def _of_link(link: Link, ratios: bool, shown: str, odds: Transform | None) -> Transform:
    back, slope = partial(_mean, link), partial(_slope, link)
    return Transform(link.name, back, slope, ratios, shown, odds)


def _mean(link: Link, eta: FloatArray) -> FloatArray:
    return mean(link, np.asarray(eta, dtype=np.float64))


def _slope(link: Link, eta: FloatArray) -> FloatArray:
    return link.inverse(np.asarray(eta, dtype=np.float64), 1)[1]


def of_differences(transform: Transform) -> Transform:
    """What leads from a difference on the scale of the fit to a ratio."""
    return transform if transform.differences is None else transform.differences
