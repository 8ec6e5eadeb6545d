"""`nestwise fit`: one model for a file."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

import pandas as pd

import nestwise as nw
from nestwise._base.errors import OptionError
from nestwise.workflow.files import read_table


def run_fit(options: argparse.Namespace) -> None:
    """Fit, then print or write a summary or JSON; without a bar in the formula it is `lm`.

    Raises
    ------
    NestwiseError
        When file, formula or options are not right.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "a.csv"
    >>> _ = file.write_text("x,y\\n1,1\\n2,3\\n3,2\\n")
    >>> known = {"ml": False, "family": "gaussian", "weights": None, "json": True, "out": None}
    >>> run_fit(argparse.Namespace(data=str(file), formula="y ~ x", **known))
    {
      "formula": "y ~ x",
      ...
    """
    data = read_table(options.data)
    if "|" in options.formula:
        mixed = nw.lmer(options.formula, data, REML=not options.ml, weights=options.weights)
        text = _mixed_json(mixed) if options.json else str(mixed.summary())
    elif options.ml:
        raise OptionError("--ml: the formula has no random term, so this is least squares")
    else:
        linear = nw.lm(options.formula, data, weights=options.weights)
        text = _linear_json(linear) if options.json else str(linear.summary())
    if options.out:
        Path(options.out).write_text(text + "\n", encoding="utf-8")
        print(f"wrote {options.out}")
    else:
        print(text)


def _mixed_json(model: Any) -> str:
    return _as_json(
        {
            "formula": model.formula,
            "nobs": model.nobs,
            "n_groups": model.n_groups,
            "converged": model.converged,
            "is_singular": model.is_singular,
            "criterion": model.criterion,
            "loglik": model.loglik,
            "aic": model.aic,
            "bic": model.bic,
            "sigma": model.sigma,
            "fixed": _records(model.tidy(conf_int=True)),
            "random": _records(model.varcorr()),
            "diagnostics": _remarks(model),
        }
    )


def _linear_json(model: Any) -> str:
    return _as_json(
        {
            "formula": model.formula,
            "nobs": model.nobs,
            "df_resid": model.df_resid,
            "r_squared": model.r_squared,
            "loglik": model.loglik,
            "aic": model.aic,
            "bic": model.bic,
            "sigma": model.sigma,
            "fixed": _records(model.tidy(conf_int=True)),
            "diagnostics": _remarks(model),
        }
    )


def _remarks(model: Any) -> list[dict[str, str]]:
    return [{"code": d.code, "message": d.message, "advice": d.advice} for d in model.diagnostics]


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(k): v for k, v in row.items()} for row in table.to_dict("records")]


def _as_json(content: dict[str, Any]) -> str:
    return json.dumps(_plain(content), indent=2, ensure_ascii=False, allow_nan=False)


def _plain(value: Any) -> Any:
    """JSON has no NaN and no infinity: both become null."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value
