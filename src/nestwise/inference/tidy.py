"""Tables for further work, in broom's shape: tidy, glance, augment."""

from __future__ import annotations

from typing import Any

import numpy as np

from nestwise._base.arrays import AnyArray, FloatArray
from nestwise._base.errors import OptionError, one_of
from nestwise._base.options import flag
from nestwise._base.table import Table
from nestwise.inference.coefficients import coefficients
from nestwise.inference.fitmeasures import FitMeasures, fit_measures, r_squared
from nestwise.inference.glmm_predict import predict_glmm
from nestwise.inference.kinds import Fit, GlmmFit, LmFit, StructuredFit
from nestwise.inference.predict import predict, response
from nestwise.inference.ranef import ranef
from nestwise.inference.varcorr import varcorr
from nestwise.inference.wald import quantile

EFFECTS = ("fixed", "ran_pars", "ran_vals")


def tidy(
    fit: Fit,
    effects: str = "fixed",
    *,
    conf_int: bool = False,
    conf_level: float = 0.95,
    ddf: str | None = None,
    exponentiate: bool = False,
) -> Table:
    """One row for each estimate.

    Parameters
    ----------
    fit : LmmFit or LmFit
        The fit.
    effects : str
        ``"fixed"``, ``"ran_pars"`` (standard deviations and correlations) or ``"ran_vals"``
        (conditional modes).
    conf_int : bool
        Whether to add an interval of the fixed effects, estimate +- t quantile times standard
        error, with the degrees of freedom of the test.
    conf_level : float
        Its level.
    ddf : str, optional
        Degrees of freedom, as in `coefficients`.
    exponentiate : bool
        Whether to exponentiate estimates and limits (the standard error by the delta method).

    Returns
    -------
    Table
        fixed: ``term estimate std_error statistic df p_value [conf_low conf_high]``; ran_pars:
        ``group term estimate``; ran_vals: ``group level term estimate std_error``.

    Raises
    ------
    OptionError
        When an option is not known.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> t = tidy(m.fit, conf_int=True)
    >>> t["term"][1], t["conf_low"][1].round(3).item()
    ('Days', 7.206)
    """
    allowed = EFFECTS[:1] if isinstance(fit, LmFit) else EFFECTS
    kind = one_of("effects", effects, allowed)
    conf_int, exponentiate = flag("conf_int", conf_int), flag("exponentiate", exponentiate)
    if kind == "fixed":
        return _fixed(fit, conf_level if conf_int else None, ddf, exponentiate)
    if conf_int or exponentiate:
        raise OptionError(f"conf_int and exponentiate apply to effects='fixed', not to {kind!r}")
    if kind == "ran_pars" or isinstance(fit, LmFit):
        return random_parameters(fit)
    modes = ranef(fit, cond_var=True)
    columns = {name: modes[name] for name in ("group", "level", "term", "estimate")}
    return Table({**columns, "std_error": np.sqrt(modes["cond_var"])})


def _fixed(fit: Fit, level: float | None, ddf: str | None, exponentiate: bool) -> Table:
    c = coefficients(fit, ddf)
    columns: dict[str, AnyArray] = {
        "term": np.array(c.names, dtype=object),
        "estimate": c.estimate.copy(),
        "std_error": c.std_error.copy(),
        "statistic": c.statistic.copy(),
        "df": c.df.copy(),
        "p_value": c.p_value.copy(),
    }
    if level is not None:
        half = quantile(c.df, level) * c.std_error
        columns |= {"conf_low": c.estimate - half, "conf_high": c.estimate + half}
    if exponentiate:
        columns["std_error"] = columns["std_error"] * np.exp(c.estimate)
        for name in ("estimate", "conf_low", "conf_high"):
            if name in columns:
                columns[name] = np.exp(columns[name])
    return Table(columns)


def random_parameters(fit: Fit) -> Table:
    """Standard deviations and correlations of the random effects and the residual.

    Parameters
    ----------
    fit : LmmFit or LmFit
        The fit.

    Returns
    -------
    Table
        ``group term estimate``, with broom.mixed's terms: ``sd__(Intercept)``,
        ``cor__(Intercept).Days``, ``sd__Observation``; then the parameters of a residual
        structure under their own names.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> random_parameters(m.fit)["term"].tolist()
    ['sd__(Intercept)', 'sd__Days', 'cor__(Intercept).Days', 'sd__Observation']
    """
    components = varcorr(fit)
    own = fit.natural if isinstance(fit, StructuredFit) else None
    more = [] if own is None else [*own.names]
    arms = [] if own is None else [f"Residual {arm}".strip() for arm in own.arm]
    terms = [
        "sd__Observation" if v1 is None else f"sd__{v1}" if v2 is None else f"cor__{v1}.{v2}"
        for v1, v2 in zip(components["var1"], components["var2"], strict=True)
    ]
    return Table(
        {
            "group": np.array([*components["group"], *arms], dtype=object),
            "term": np.array([*terms, *more], dtype=object),
            "estimate": np.append(components["sdcor"], [] if own is None else own.values),
        }
    )


def glance(fit: Fit) -> Table:
    """One row of statistics of the whole fit.

    Parameters
    ----------
    fit : LmmFit or LmFit
        The fit.

    Returns
    -------
    Table
        Mixed model: ``nobs sigma loglik aic bic criterion df_resid reml converged singular``;
        GLMM: ``nobs family link n_agq sigma phi loglik aic bic criterion df_resid converged
        singular``; linear model: ``nobs r_squared adj_r_squared sigma statistic p_value df loglik
        aic bic deviance df_resid``.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> glance(m.fit)["criterion"].round(3).tolist()
    [1743.628]
    """
    m = fit_measures(fit)
    shared = {"loglik": m.loglik, "aic": m.aic, "bic": m.bic}
    if isinstance(fit, GlmmFit):
        return _glance_glmm(fit, m)
    if not isinstance(fit, LmFit):
        row: dict[str, object] = {
            "nobs": m.nobs,
            "sigma": fit.sigma,
            **shared,
            "criterion": fit.criterion,
            "df_resid": m.df_resid,
            "reml": fit.reml,
            "converged": fit.verdict.converged,
            "singular": fit.verdict.singular,
        }
        return Table({name: np.array([value]) for name, value in row.items()})
    r = r_squared(fit)
    row = {
        "nobs": m.nobs,
        "r_squared": r.r_squared,
        "adj_r_squared": r.adjusted,
        "sigma": fit.sigma,
        "statistic": r.f_value,
        "p_value": r.p_value,
        "df": r.num_df,
        **shared,
        "deviance": fit.rss,
        "df_resid": m.df_resid,
    }
    return Table({name: np.array([value]) for name, value in row.items()})


def _glance_glmm(fit: GlmmFit, m: FitMeasures) -> Table:
    row: dict[str, object] = {
        "nobs": m.nobs,
        "family": fit.family.name,
        "link": fit.link.name,
        "n_agq": fit.n_agq,
        "sigma": fit.sigma,
        "phi": np.nan if fit.phi is None else fit.phi,
        "loglik": m.loglik,
        "aic": m.aic,
        "bic": m.bic,
        "criterion": fit.criterion,
        "df_resid": m.df_resid,
        "converged": fit.verdict.converged,
        "singular": fit.verdict.singular,
    }
    texts = ("family", "link")
    return Table({k: np.array([v], dtype=object if k in texts else None) for k, v in row.items()})


def augment(fit: Fit, data: Any = None, *, allow_new_levels: bool = False) -> Table:
    """What the fit says of every row.

    Parameters
    ----------
    fit : LmmFit or LmFit
        The fit.
    data : table, optional
        New rows; the rows used in the fit when None.
    allow_new_levels : bool
        Whether new rows may have groups that the fit has not seen.

    Returns
    -------
    Table
        ``fitted``; ``resid`` (for new rows when they have the response); then ``fitted_fixed``
        (without random effects) for a mixed model (of a GLMM all are means), ``hat`` for the rows
        of a linear model.

    Raises
    ------
    DataError
        When columns are missing from `data`, or a group is new.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> list(augment(m.fit)), list(augment(m.fit, {"Days": [10], "Subject": ["308"]}))
    (['fitted', 'resid', 'fitted_fixed'], ['fitted', 'fitted_fixed'])
    """
    mu = _predicted(fit, data, "all", allow_new_levels)
    y = fit.design.y if data is None else response(fit.design, data)
    columns: dict[str, FloatArray] = {"fitted": mu}
    if y is not None:
        columns["resid"] = y - mu
    if not isinstance(fit, LmFit):
        columns["fitted_fixed"] = _predicted(fit, data, None, True)
    elif data is None:
        columns["hat"] = fit.hat
    return Table(columns)


def _predicted(fit: Fit, data: Any, re_form: str | None, new: bool) -> FloatArray:
    """Predicted responses; means of a GLMM."""
    if isinstance(fit, GlmmFit):
        return predict_glmm(fit, data, re_form=re_form, allow_new_levels=new)
    return predict(fit, data, re_form=re_form, allow_new_levels=new)
