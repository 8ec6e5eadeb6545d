"""From the optimiser's coordinates back to the user's: the frozen result."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.options import Control
from nestwise.core.centred import from_centred
from nestwise.core.families.family import Family
from nestwise.core.glmm import phi_of, random_effects
from nestwise.core.links.link import Link, mean
from nestwise.core.lmm import term_lambdas
from nestwise.core.problem import factor_columns
from nestwise.design.model import Design
from nestwise.fit.glmm_model import GlmmModel
from nestwise.fit.glmm_newton import GlmmPath, spectrum
from nestwise.fit.glmm_result import GlmmFit
from nestwise.fit.glmm_verdict import decide_glmm
from nestwise.fit.rectify import rectify


def assemble(
    design: Design,
    family: Family,
    link: Link,
    n_agq: int,
    control: Control,
    model: GlmmModel,
    path: GlmmPath,
    saddle: bool,
) -> GlmmFit:
    """The frozen result of an optimisation.

    Parameters
    ----------
    design, family, link, n_agq, control
        What was fitted.
    model : GlmmModel
        The criterion.
    path : GlmmPath
        Where the optimiser ended.
    saddle : bool
        Whether that is a saddle.
    """
    problem, psi = model.problem, path.point.psi
    layout, m, p = problem.layout, problem.m, problem.layout.p
    phi = phi_of(problem, psi)
    sigma = float(np.sqrt(phi)) if phi is not None and model.has_scale else 1.0
    par = rectify(layout, psi[:m])
    verdict, told = decide_glmm(design, problem, family, link, path, saddle, par, control)
    eta, u = model.unit * path.point.result.eta, path.point.result.u
    if model.index is not None:
        eta = eta[model.index]
    theta = user_theta(model, par / sigma)
    covariance = par_covariance(model, path, sigma)
    return GlmmFit(
        design=design,
        family=family,
        link=link,
        n_agq=n_agq,
        control=control,
        model=problem,
        theta=theta,
        par=theta,
        beta=layout.basis.to_user @ psi[m : m + p],
        phi=phi,
        sigma=sigma,
        vcov=covariance[m : m + p, m : m + p],
        par_vcov=covariance,
        modes=_modes(model, psi[:m], u),
        lambdas=term_lambdas(layout, theta),
        u=u,
        eta=eta,
        mu=mean(link, eta),
        criterion=float(path.point.value),
        loglik=-0.5 * float(path.point.value),
        n_evaluations=path.n_evaluations,
        verdict=verdict,
        diagnostics=(*told, *design.diagnostics),
    )


def user_theta(model: GlmmModel, par: FloatArray) -> FloatArray:
    """theta of the user's columns from the entries of Lambda in the optimiser's."""
    layout = model.problem.layout
    theta = par / layout.theta_scale
    if model.centering is None:
        return theta
    moved = from_centred(layout, model.centering, theta)
    scales = [f.scale for f in factor_columns(model.user_arrays)]
    scale = np.array([scales[f][r] for f, r, _ in layout.entries])
    return np.asarray(rectify(layout, moved * scale) / scale)


def par_covariance(model: GlmmModel, path: GlmmPath, sigma: float) -> FloatArray:
    """(size, size) covariance of (theta, beta, log phi) in the user's units."""
    layout, m = model.problem.layout, model.problem.m
    end = m + layout.p
    values, vectors = spectrum(path)
    safe = np.maximum(values, 1e-12 * max(float(np.abs(values).max()), 1e-300))
    half = vectors * np.sqrt(2.0 / safe)
    par = path.point.psi[:m]
    upright = rectify(layout, par)
    J = _theta_jacobian(model, upright / sigma) * (_signs(upright, par) / sigma)
    user = np.concatenate([J @ half[:m], layout.basis.to_user @ half[m:end], half[end:]])
    if model.has_scale:
        user[:m] -= 0.5 * np.outer(J @ par, half[-1])
    return np.asarray(user @ user.T)


def _signs(rectified: FloatArray, par: FloatArray) -> FloatArray:
    """(m,) signs by which `rectify` multiplied each entry (1 where it did more than that)."""
    if rectified is par:
        return np.ones(len(par))
    same = np.isclose(np.abs(rectified), np.abs(par), rtol=1e-10, atol=0.0)
    return np.where(same & (rectified * par < 0.0), -1.0, 1.0)


def _theta_jacobian(model: GlmmModel, par: FloatArray) -> FloatArray:
    """(m, m) derivative of the user's theta by the entries of Lambda."""
    scale = model.problem.layout.theta_scale
    if model.centering is None:
        return np.diag(1.0 / scale)
    m, step = len(par), 1e-6
    J = np.zeros((m, m))
    for i in range(m):
        shift = np.zeros(m)
        shift[i] = step
        J[:, i] = _moved(model, (par + shift) / scale) - _moved(model, (par - shift) / scale)
    return J / (2.0 * step)


def _moved(model: GlmmModel, theta: FloatArray) -> FloatArray:
    assert model.centering is not None
    return from_centred(model.problem.layout, model.centering, theta)


def _modes(model: GlmmModel, par: FloatArray, u: FloatArray) -> tuple[FloatArray, ...]:
    """Conditional modes of the user's columns."""
    found = random_effects(model.problem.layout, par, u)
    if model.centering is None:
        return found
    out = []
    for b, shift, place in zip(
        found, model.centering.shifts, model.centering.intercepts, strict=True
    ):
        moved = b.copy()
        if shift is not None:
            moved[:, place] -= b @ shift
        out.append(moved)
    return tuple(out)
