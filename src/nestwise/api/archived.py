"""The numbers of a fit as JSON and plain arrays, and back, to the last bit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from nestwise._base.arrays import AnyArray
from nestwise._base.diagnostic import Diagnostic
from nestwise._base.errors import FitError
from nestwise.design.model import Design
from nestwise.fit.parts import FitParts, criterion_again, put_together, taken_apart
from nestwise.fit.result import Curvature, LmFit, Verdict
from nestwise.inference.kinds import Fit

ASKED = ("design", "control", "family", "link")
"""Fields that follow from what was asked, which the file says in other words."""

TOLERANCE = 1e-6
"""Relative difference from the saved criterion and coefficients that is called a change."""


def packed_fit(fit: Fit, arrays: dict[str, AnyArray]) -> dict[str, Any]:
    """Describe the numbers of a fit, and put its arrays into `arrays`.

    A linear model has none: least squares gives the same numbers again.

    Parameters
    ----------
    fit : LmmFit, GlmmFit, StructuredFit or LmFit
        The fit.
    arrays : dict
        Gains one array a field, ``"fit theta"`` and so on.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Yield ~ 1 + (1 | Batch)", nw.load_dataset("Dyestuff"))
    >>> arrays = {}
    >>> packed_fit(m.fit, arrays)["modes"], list(arrays)[:2]
    ({'arrays': 1}, ['fit working_theta', 'fit theta'])
    """
    if isinstance(fit, LmFit):
        return {}
    values = taken_apart(fit).values
    return {k: _packed(k, v, arrays) for k, v in values.items() if k not in ASKED}


def _packed(name: str, value: Any, arrays: dict[str, AnyArray]) -> Any:
    if isinstance(value, np.ndarray):
        arrays[f"fit {name}"] = value
        return {"array": f"fit {name}"}
    if isinstance(value, Verdict):
        return {"verdict": asdict(value)}
    if isinstance(value, Curvature):
        arrays |= {f"fit {name} theta": value.theta, f"fit {name} hessian": value.hessian}
        return {"curvature": value.sigma}
    if name == "diagnostics":
        return {"diagnostics": [asdict(one) for one in value]}
    if isinstance(value, tuple):
        arrays |= {f"fit {name} {i}": one for i, one in enumerate(value)}
        return {"arrays": len(value)}
    return value


def _unpacked(name: str, spec: Any, arrays: Mapping[str, AnyArray]) -> Any:
    if not isinstance(spec, dict):
        return spec
    if "array" in spec:
        return arrays[spec["array"]]
    if "verdict" in spec:
        return Verdict(**spec["verdict"])
    if "curvature" in spec:
        theta, hessian = (arrays[f"fit {name} {part}"] for part in ("theta", "hessian"))
        return Curvature(theta, spec["curvature"], hessian)
    if "diagnostics" in spec:
        return tuple(Diagnostic(**one) for one in spec["diagnostics"])
    return tuple(arrays[f"fit {name} {i}"] for i in range(spec["arrays"]))


def unpacked_fit(
    kind: type,
    specs: Mapping[str, Any],
    arrays: Mapping[str, AnyArray],
    asked: Mapping[str, Any],
    path: object,
) -> Any:
    """The fit that `packed_fit` described, when it says what its data say.

    Parameters
    ----------
    kind : type
        The class of the fit.
    specs, arrays
        From `packed_fit`.
    asked : mapping
        ``design`` and ``control``; of a generalised model ``family`` and ``link``.
    path : object
        Name of the file, for messages.

    Raises
    ------
    FitError
        When the design does not give the criterion and coefficients of the numbers.
    """
    design: Design = asked["design"]
    values = {name: _unpacked(name, spec, arrays) for name, spec in specs.items()}
    told = (
        f"'{path}' says that the criterion is {values['criterion']:.6f}, but its data give "
        "{}; the file was changed or damaged: fit the model again"
    )
    if values["beta"].shape != (design.fixed.X.shape[1],):
        raise FitError(told.format(f"{design.fixed.X.shape[1]} coefficients"))
    try:
        fit = put_together(FitParts(kind, {**values, **asked}))
        found, beta = criterion_again(fit)
    except (ValueError, IndexError, np.linalg.LinAlgError):
        raise FitError(told.format("arrays of other sizes")) from None
    if not abs(found - fit.criterion) <= TOLERANCE * (1.0 + abs(fit.criterion)):
        raise FitError(told.format(f"{found:.6f}"))
    if not np.allclose(
        beta, fit.beta, rtol=TOLERANCE, atol=TOLERANCE * np.abs(beta).max(initial=0)
    ):
        raise FitError(told.format("other coefficients"))
    return fit
