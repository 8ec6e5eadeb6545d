"""What else there is to say about a generalised linear mixed model: its data, its approximation."""

from __future__ import annotations

from dataclasses import replace

from nestwise.fit.glmm_model import GlmmModel
from nestwise.fit.glmm_newton import GlmmPath
from nestwise.fit.glmm_result import GlmmFit
from nestwise.fit.laplace_check import laplace_trouble
from nestwise.fit.one_sided import one_sided
from nestwise.fit.overdispersed import overdispersion
from nestwise.fit.result import Verdict
from nestwise.fit.separated import separation_trouble

FLAT = "flat-likelihood"

RUNAWAY = 1e-3
"""Promised decrease that is left where separated responses have no maximum to be found."""


def tell_trouble(fit: GlmmFit, model: GlmmModel, path: GlmmPath) -> GlmmFit:
    """The same fit with diagnostics on separation, one-sided levels, dispersion and Laplace.

    Parameters
    ----------
    fit : GlmmFit
        From `nestwise.fit.glmm_answer.assemble`.
    model : GlmmModel
        The model with the kernel that was fitted.
    path : GlmmPath
        Its optimum.
    """
    design, family, link = fit.design, fit.family, fit.link
    suspected = any(d.code == FLAT for d in fit.diagnostics) or not fit.verdict.converged
    separated = separation_trouble(design, family, link, fit.beta, suspected)
    verdict, told = fit.verdict, list(fit.diagnostics)
    if separated is not None:
        # The same thing in better words; a flat direction of the variances is another.
        told = [
            separated,
            *(d for d in told if d.code != FLAT or "has no maximum" not in d.message),
        ]
        near = verdict.status == "not-converged" and verdict.decrease <= RUNAWAY
        if near:
            told = [d for d in told if d.code not in ("not-converged", "edge-of-range")]
        if verdict.converged or near:
            verdict = Verdict("not-identifiable", True, verdict.singular, verdict.decrease)
    told += one_sided(design, family, link, fit.n_agq)
    told += overdispersion(design, family, fit.mu, len(fit.theta) + len(fit.beta))
    if fit.n_agq == 1 and verdict.status in ("converged", "singular"):
        told += laplace_trouble(design, model, path, fit.control)
    if verdict is fit.verdict and len(told) == len(fit.diagnostics):
        return fit
    return replace(fit, verdict=verdict, diagnostics=tuple(told))
