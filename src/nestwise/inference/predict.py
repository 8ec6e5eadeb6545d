"""Predicted responses, for the rows of the fit and for new ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.design import encode_new
from nestwise.design.model import Design
from nestwise.design.table import open_table
from nestwise.formula.syntax import columns_of
from nestwise.inference.kinds import Fit, LmFit
from nestwise.inference.model_rows import model_rows, point_predictions, spread


def predict(
    fit: Fit,
    data: Any = None,
    *,
    re_form: str | None = "all",
    allow_new_levels: bool = False,
) -> FloatArray:
    """Predicted responses, on the scale of the (transformed) response, offset included.

    Of a GLMM it is the linear predictor: see `nestwise.inference.glmm_predict` for means.

    Parameters
    ----------
    fit : LmmFit or LmFit
        The fit.
    data : table, optional
        New rows; the rows used in the fit when None.
    re_form : str or None
        ``"all"`` random effects, none of them (None: the population), or some, as ``"(1 | g)"``.
    allow_new_levels : bool
        Whether a group that the fit has not seen, or that is missing, has the effect zero; else
        it is an error.

    Returns
    -------
    (n_rows,) float64
        NaN where a variable other than a group is missing.

    Raises
    ------
    DataError
        When columns are missing from `data`, or a group is new.
    OptionError
        When `re_form` asks for what the fit does not have.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> predict(m.fit, {"Days": [0, 10], "Subject": ["308", "308"]}).round(2).tolist()
    [253.66, 450.33]
    >>> predict(m.fit, {"Days": [0, 10]}, re_form=None).round(2).tolist()
    [251.41, 356.08]
    """
    rows = model_rows(fit, data, re_form=re_form, allow_new_levels=allow_new_levels)
    modes = () if isinstance(fit, LmFit) else fit.modes
    factors = tuple(term.factor for term in fit.design.terms)
    return spread(rows, point_predictions(rows, factors, fit.beta, modes))


def response(design: Design, data: Any) -> FloatArray | None:
    """The response of new rows, when the data have its columns.

    Parameters
    ----------
    design : Design
        The arrays of the fit.
    data : table
        New rows.

    Returns
    -------
    (n_rows,) float64 or None
        NaN in incomplete rows.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lm("log(Reaction) ~ Days", nw.load_dataset("sleepstudy"))
    >>> response(m.fit.design, {"Reaction": [1.0], "Days": [0]}).tolist()
    [0.0]
    """
    source = open_table(data)
    if any(name not in source.columns for name in columns_of(design.formula.response)):
        return None
    new = encode_new(design, source, need_response=True)
    if new.y is None or new.kept is None:
        return new.y
    everything = np.full(new.kept.size, np.nan)
    everything[new.kept] = new.y
    return everything
