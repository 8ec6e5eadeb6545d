"""Generalised least squares: a residual structure and no random part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nestwise._base.errors import FormulaError
from nestwise._base.options import Control, flag
from nestwise.api.source import Source, as_control
from nestwise.api.structured import StructuredModel
from nestwise.design import build
from nestwise.fit.structured import fit_structured


def gls(
    formula: str,
    data: Any,
    *,
    residual: str | None = None,
    variance: str | None = None,
    REML: bool = True,
    weights: Any = None,
    offset: Any = None,
    contrasts: Mapping[str, Any] | None = None,
    na_action: str = "drop",
    control: Control | Mapping[str, Any] | None = None,
    functions: Mapping[str, Any] | None = None,
) -> StructuredModel:
    """Fit a linear model with correlated or unequal residuals, as nlme's ``gls`` and mmrm.

    Parameters
    ----------
    formula : str
        Fixed effects only: ``"y ~ arm * visit"``.
    data : table
        pandas, polars or pyarrow table, or a dict of columns; never changed.
    residual : str, optional
        Covariance within subjects, ``"us(visit | subject)"``: ``us cs csh ar1 ar1h ad adh toep
        toeph car1 exp gau``. ``"us(visit | arm/subject)"`` has a matrix for each arm.
    variance : str, optional
        ``"sex"``: a variance for each level; ``"power(age)"``, ``"exp(fitted)"``: a function of
        a covariate or of the fitted values; parts joined by ``+`` multiply.
    REML : bool
        Restricted maximum likelihood, else maximum likelihood.
    weights, offset : str or array-like, optional
        Prior weights (positive) and a known part of the predictor: a column or its values.
    contrasts : mapping of str to str, optional
        Coding of factors.
    na_action : str
        ``"drop"`` rows with missing values, or ``"fail"``.
    control : Control or dict, optional
        Options of the optimiser.
    functions : mapping of str to callable, optional
        The caller's own functions that the formula may call.

    Returns
    -------
    StructuredModel

    Raises
    ------
    NestwiseError
        When formula, data or options are not right; the message says what to do.

    Source
    ------
    Pinheiro & Bates (2000), Mixed-Effects Models in S and S-PLUS, section 5.4; Mallinckrodt,
    Lane, Schnell, Peng & Mancuso (2008), Drug Inf. J. 42, 303-319 (MMRM).

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.gls(
    ...     "Reaction ~ Days", nw.load_dataset("sleepstudy"), residual="ar1(Days | Subject)"
    ... )
    >>> round(m.loglik, 3), m.residual_parameters()["estimate"].round(3).tolist()
    (-869.603, [0.8, 49.515])
    """
    settings = {
        "residual": residual,
        "variance": variance,
        "REML": REML,
        "weights": weights,
        "offset": offset,
        "contrasts": contrasts,
        "na_action": na_action,
        "control": control,
        "functions": functions,
    }
    flag("REML", REML)
    options = as_control(control)
    building = {k: v for k, v in settings.items() if k not in ("REML", "control")}
    design = build(formula, data, **building)
    if design.terms:
        raise FormulaError(
            f"gls fits no random terms, and {formula!r} has {len(design.terms)}; use "
            "nw.lmer(..., residual=...)"
        )
    return StructuredModel(
        fit_structured(design, reml=REML, control=options), Source(data, formula, settings)
    )
