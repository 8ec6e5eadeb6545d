"""Comparison of fitted models."""

from __future__ import annotations

import sys
from typing import Any

from nestwise._base.errors import OptionError
from nestwise.api.generalized import GeneralizedMixedModel
from nestwise.api.linear import LinearModel
from nestwise.api.mixed import MixedModel
from nestwise.api.source import to_native
from nestwise.api.structured import StructuredModel
from nestwise.inference.kinds import LmFit
from nestwise.inference.lrt import f_comparison, likelihood_ratio


def anova(
    *models: MixedModel | LinearModel | GeneralizedMixedModel | StructuredModel,
    refit: bool = True,
) -> Any:
    """Compare two or more fitted models, as R's ``anova(m0, m1)``.

    Parameters
    ----------
    *models : MixedModel, GeneralizedMixedModel or LinearModel
        Fits to the same rows.
    refit : bool
        Whether REML fits are refitted by ML before their likelihoods are compared. When that
        happens a line on standard error says so.

    Returns
    -------
    DataFrame or Table
        In the kind of the first model's data. With a mixed model the likelihood-ratio table
        ``model n_par aic bic loglik deviance chisq df p_value``, fewest parameters first; among
        linear models the F table ``model df_resid rss df sum_sq f_value p_value``.

    Raises
    ------
    NestwiseError
        When the models cannot be compared; the message says why.

    Examples
    --------
    >>> import nestwise as nw
    >>> data = nw.load_dataset("sleepstudy")
    >>> m0 = nw.lmer("Reaction ~ 1 + (Days | Subject)", data, REML=False)
    >>> m1 = nw.lmer("Reaction ~ Days + (Days | Subject)", data, REML=False)
    >>> nw.anova(m0, m1)["chisq"].round(3).tolist()
    [nan, 23.537]
    """
    for model in models:
        if not isinstance(model, (MixedModel, LinearModel, GeneralizedMixedModel, StructuredModel)):
            raise OptionError(
                f"anova compares fitted models, got {type(model).__name__}; fit with nw.lmer, "
                "nw.glmer or nw.lm first"
            )
    names = [_name(model) for model in models]
    linear = [model.fit for model in models if isinstance(model.fit, LmFit)]
    if models and len(linear) == len(models):
        return to_native(f_comparison(linear, names), models[0].source.data)
    table = likelihood_ratio([model.fit for model in models], names, refit)
    if table.note:
        print(table.note, file=sys.stderr)
    return to_native(table, models[0].source.data)


def _name(model: Any) -> str:
    """The formula, and what is said of the residuals."""
    if not isinstance(model, StructuredModel):
        return str(model.formula)
    settings = model.source.settings
    said = [f"{k}={settings[k]}" for k in ("residual", "variance") if settings.get(k) is not None]
    return "; ".join([model.formula, *said])
