"""`nestwise fit`: one model for a file."""

from __future__ import annotations

import argparse
from typing import Any

import pandas as pd

import nestwise as nw
from nestwise._base.errors import OptionError
from nestwise.cli.data import add_data, read_data
from nestwise.cli.output import add_output, as_json, check_out, emit, remarks
from nestwise.cli.progress import step


def add_fit(parser: argparse.ArgumentParser) -> None:
    """Its arguments."""
    add_data(parser)
    add_model(parser)
    parser.add_argument(
        "--ddf",
        choices=["satterthwaite", "kenward-roger", "between-within", "residual", "normal"],
        help="degrees of freedom of a linear mixed model (default: satterthwaite)",
    )
    add_output(parser, "the summary or JSON")


def add_model(parser: argparse.ArgumentParser) -> None:
    """FORMULA and what else says which model it is."""
    parser.add_argument("formula", metavar="FORMULA", help='for instance "y ~ x + (1 + x | group)"')
    model = parser.add_argument_group("the model")
    model.add_argument("--ml", action="store_true", help="maximum likelihood in place of REML")
    model.add_argument(
        "--family", default="gaussian", metavar="NAME",
        help="distribution of the response: gaussian (default), binomial, poisson, ...",
    )  # fmt: skip
    model.add_argument("--link", metavar="NAME", help="link of that distribution")
    model.add_argument(
        "--nagq", type=int, metavar="N", help="quadrature points (default: 1, Laplace)"
    )
    model.add_argument(
        "--residual", metavar="STRUCTURE", help='residual structure, as "ar1(week | subject)"'
    )
    model.add_argument(
        "--variance", metavar="WHAT", help='residual variances, as "sex" or "power(age)"'
    )
    model.add_argument("--weights", metavar="COLUMN", help="column of prior weights")


def run_fit(options: argparse.Namespace) -> int:
    """Fit, then print or write a summary or JSON; without a bar in the formula it is `lm`.

    Returns
    -------
    int
        1 when the optimum was not found, else 0.

    Raises
    ------
    NestwiseError
        When file, formula or options are not right.
    """
    check_out(options)
    data = read_data(options)
    with step("Fitting"):
        model = fit_model(options, data)
        if options.json:
            text = as_json(numbers(model))
        elif options.ddf is None:
            text = str(model.summary())
        elif is_linear_mixed(model):
            text = str(model.summary(ddf=options.ddf))
        else:
            raise OptionError(f"--ddf {options.ddf}: only linear mixed models have a choice")
    emit(text, options)
    return 0 if converged(model) else 1


def fit_model(options: argparse.Namespace, data: pd.DataFrame) -> Any:
    """The model that the options describe.

    Raises
    ------
    NestwiseError
        When they do not go together, or the model cannot be fitted.
    """
    family, mixed = options.family, "|" in options.formula
    structured = options.residual is not None or options.variance is not None
    if family != "gaussian":
        if structured:
            raise OptionError(f"--residual and --variance are for gaussian, not for {family}")
        if options.ml:
            raise OptionError(f"--ml: a {family} model is always fitted by maximum likelihood")
        given = {"link": options.link, "weights": options.weights}
        points = {} if options.nagq is None else {"nAGQ": options.nagq}
        return nw.glmer(options.formula, data, family=family, **given, **points)
    for name in ("link", "nagq"):
        if getattr(options, name) is not None:
            raise OptionError(f"--{name} is for families other than gaussian; add --family")
    reml = not options.ml
    if structured:
        chosen = {"residual": options.residual, "variance": options.variance}
        call = nw.lmer if mixed else nw.gls
        return call(options.formula, data, REML=reml, weights=options.weights, **chosen)
    if mixed:
        return nw.lmer(options.formula, data, REML=reml, weights=options.weights)
    if options.ml:
        raise OptionError("--ml: the formula has no random term, so this is least squares")
    return nw.lm(options.formula, data, weights=options.weights)


def is_linear_mixed(model: Any) -> bool:
    """Whether its summary has a choice of degrees of freedom."""
    return isinstance(model, (nw.MixedModel, nw.StructuredModel))


def converged(model: Any) -> bool:
    """Whether the optimum was found; least squares always finds it."""
    return isinstance(model, nw.LinearModel) or bool(model.converged)


def numbers(model: Any) -> dict[str, Any]:
    """The fit as plain numbers.

    Examples
    --------
    >>> found = numbers(nw.lm("Reaction ~ Days", nw.load_dataset("sleepstudy")))
    >>> found["nobs"], found["df_resid"], [row["term"] for row in found["fixed"]]
    (180, 178, ['(Intercept)', 'Days'])
    """
    content: dict[str, Any] = {"formula": model.formula, "nobs": model.nobs}
    if isinstance(model, nw.LinearModel):
        content |= {"df_resid": model.df_resid, "r_squared": model.r_squared}
    else:
        content |= {"n_groups": model.n_groups, "converged": model.converged}
        content |= {"is_singular": model.is_singular, "criterion": model.criterion}
    if isinstance(model, nw.GeneralizedMixedModel):
        content |= {"family": model.family, "link": model.link}
    content |= {"loglik": model.loglik, "aic": model.aic, "bic": model.bic, "sigma": model.sigma}
    content["fixed"] = _records(model.tidy(conf_int=True))
    if not isinstance(model, nw.LinearModel):
        content["random"] = _records(model.varcorr())
    if isinstance(model, nw.StructuredModel):
        content["residual"] = _records(model.residual_parameters())
    content["diagnostics"] = remarks(model.diagnostics)
    return content


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(k): v for k, v in row.items()} for row in table.to_dict("records")]


__all__ = ["add_fit", "add_model", "converged", "fit_model", "numbers", "run_fit"]
