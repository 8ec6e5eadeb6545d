"""What the package maketables asks of a fitted model, so that its tables show ours.

The names are its plug-in interface: ``__maketables_coef_table__``, ``__maketables_stat__``,
``__maketables_depvar__``. Nothing is imported from it.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from nestwise.api.fitted import Fitted
from nestwise.inference.fitmeasures import fit_measures, n_groups, r_squared
from nestwise.inference.kinds import LmFit, LmmFit, StructuredFit
from nestwise.inference.r2 import r2
from nestwise.inference.tidy import tidy

_COLUMNS = {
    "estimate": "b",
    "std_error": "se",
    "statistic": "t",
    "p_value": "p",
    "conf_low": "ci95l",
    "conf_high": "ci95u",
}


def coef_table(model: Fitted) -> pd.DataFrame:
    """Coefficients by name: ``b se t p ci95l ci95u``.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lm("Reaction ~ Days", nw.load_dataset("sleepstudy"))
    >>> m.__maketables_coef_table__.loc["Days", ["b", "se"]].round(3).tolist()
    [10.467, 1.238]
    """
    table = tidy(model.fit, conf_int=True)
    index = pd.Index([str(t) for t in table["term"]], name="Coefficient")
    return pd.DataFrame({new: table[old] for old, new in _COLUMNS.items()}, index=index)


def stat(model: Fitted, key: str) -> Any:
    """One measure of the fit by maketables' key; None for one that does not apply.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lm("Reaction ~ Days", nw.load_dataset("sleepstudy"))
    >>> m.__maketables_stat__("N"), round(m.__maketables_stat__("r2"), 4)
    (180, 0.2865)
    """
    fit = model.fit
    measures = fit_measures(fit)
    known: dict[str, Any] = {
        "N": measures.nobs,
        "aic": measures.aic,
        "bic": measures.bic,
        "ll": measures.loglik,
    }
    if isinstance(fit, LmFit):
        share = r_squared(fit)
        known |= {"r2": share.r_squared, "adj_r2": share.adjusted, "se_type": "iid"}
    elif isinstance(fit, (LmmFit, StructuredFit)):
        shares = r2(fit)
        known |= {"r2_marginal": shares.marginal, "r2_conditional": shares.conditional}
    if isinstance(fit, (LmmFit, StructuredFit)):
        known["se_type"] = "REML" if fit.reml else "ML"
    if key == "n_groups" and not isinstance(fit, LmFit):
        return ", ".join(f"{name}: {n}" for name, n in n_groups(fit).items())
    return known.get(key)


def depvar(model: Fitted) -> str:
    """The response as the formula has it."""
    return model.fit.design.formula.response_label


__all__ = ["coef_table", "depvar", "stat"]
