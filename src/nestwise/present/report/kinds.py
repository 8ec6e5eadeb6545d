"""What a fit of each kind is called, and how it was estimated and tested."""

from __future__ import annotations

from nestwise.core.residual.registry import RESIDUAL_STRUCTURES
from nestwise.inference.emmeans.transform import of_differences, scale_of
from nestwise.inference.kinds import Fit, GlmmFit, LmFit, LmmFit, StructuredFit

FAMILIES = {
    "binomial": "binomial distribution",
    "poisson": "Poisson distribution",
    "gamma": "gamma distribution",
    "inverse_gaussian": "inverse Gaussian distribution",
    "negative_binomial": "negative binomial distribution",
    "beta": "beta distribution",
    "beta_binomial": "beta-binomial distribution",
    "gaussian": "normal distribution",
}


def kind_in_words(fit: Fit) -> str:
    """The kind of model, with its article.

    Examples
    --------
    >>> import nestwise as nw
    >>> kind_in_words(nw.lm("Reaction ~ Days", nw.load_dataset("sleepstudy")).fit)
    'a linear model'
    """
    if isinstance(fit, GlmmFit):
        return f"a generalised linear mixed model ({distribution(fit)}, {fit.link.name} link)"
    mixed = "linear mixed model" if fit.design.terms else "linear model"
    if isinstance(fit, StructuredFit):
        return f"a {mixed} with structured residuals ({structure_in_words(fit)})"
    return f"a {mixed}"


def distribution(fit: GlmmFit) -> str:
    """The distribution of the response."""
    return FAMILIES.get(fit.family.name, f"{fit.family.name} distribution")


def structure_in_words(fit: StructuredFit) -> str:
    """Residual correlation and variances, as they were asked for and what they are."""
    part = fit.design.residual
    if part is None:
        return "independent"
    words = []
    asked = part.request.residual
    if asked is not None:
        known = RESIDUAL_STRUCTURES.get(asked.structure)
        words.append(asked.text if known is None else f"{asked.text}, {known.meaning}")
    if part.request.variance is not None:
        words.append(f"variance by {part.request.variance.text}")
    return "; ".join(words)


def estimation_in_words(fit: Fit) -> str:
    """How the parameters were estimated.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Yield ~ 1 + (1 | Batch)", nw.load_dataset("Dyestuff"))
    >>> estimation_in_words(m.fit)
    'restricted maximum likelihood (REML)'
    """
    if isinstance(fit, LmFit):
        return "least squares"
    if isinstance(fit, GlmmFit):
        if fit.n_agq == 1:
            return "maximum likelihood (Laplace approximation)"
        return f"maximum likelihood (adaptive Gauss-Hermite quadrature, {fit.n_agq} points)"
    return "restricted maximum likelihood (REML)" if fit.reml else "maximum likelihood"


def tests_in_words(fit: Fit) -> str:
    """What intervals and tests of the fixed effects rest on.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Yield ~ 1 + (1 | Batch)", nw.load_dataset("Dyestuff"))
    >>> tests_in_words(m.fit)
    "t distributions with Satterthwaite's degrees of freedom"
    """
    if isinstance(fit, LmFit):
        return f"t distributions with {fit.df_resid} residual degrees of freedom"
    if isinstance(fit, (LmmFit, StructuredFit)):
        return "t distributions with Satterthwaite's degrees of freedom"
    return "the normal distribution"


def ratio_name(fit: Fit) -> str:
    """What exponentials of the coefficients are: "Odds ratio", "Ratio", or nothing.

    Examples
    --------
    >>> import nestwise as nw
    >>> ratio_name(nw.lm("Reaction ~ Days", nw.load_dataset("sleepstudy")).fit)
    ''
    """
    scale = scale_of(fit) if isinstance(fit, GlmmFit) else None
    if scale is None or not scale.logarithm:
        return ""
    return "Odds ratio" if of_differences(scale).name == "log odds ratio" else "Ratio"


__all__ = [
    "distribution",
    "estimation_in_words",
    "kind_in_words",
    "ratio_name",
    "structure_in_words",
    "tests_in_words",
]
