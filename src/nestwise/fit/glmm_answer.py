"""From the optimiser's coordinates back to the user's: the frozen result."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.options import Control
from nestwise.core.centred import from_centred
from nestwise.core.families.family import Family
from nestwise.core.glmm import phi_of, random_effects
from nestwise.core.glmm_rows import Step, row_step
from nestwise.core.links.link import Link, mean
from nestwise.core.lmm import term_lambdas
from nestwise.core.problem import Problem, build_problem
from nestwise.design.model import Design
from nestwise.fit.glmm_model import GlmmModel
from nestwise.fit.glmm_newton import GlmmPath
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
    verdict, told = decide_glmm(design, problem, link, path, saddle, par, control)
    eta, u = path.point.result.eta, path.point.result.u
    if model.index is not None:
        eta = eta[model.index]
    working = _working(model, eta, row_step(model.user_rows, eta, phi), sigma)
    theta = user_theta(model, working, par / sigma)
    covariance = par_covariance(model, path, sigma)
    return GlmmFit(
        design=design,
        family=family,
        link=link,
        n_agq=n_agq,
        control=control,
        model=problem,
        problem=working,
        theta=theta,
        par=theta,
        beta=layout.basis.to_user @ psi[m : m + p],
        phi=phi,
        sigma=sigma,
        vcov=covariance[m : m + p, m : m + p],
        par_vcov=covariance,
        modes=_modes(model, psi[:m], u),
        lambdas=term_lambdas(working, theta),
        u=u,
        eta=eta,
        mu=mean(link, eta),
        criterion=float(path.point.value),
        loglik=-0.5 * float(path.point.value),
        n_evaluations=path.n_evaluations,
        verdict=verdict,
        diagnostics=(*told, *design.diagnostics),
    )


def _working(model: GlmmModel, eta: FloatArray, terms: Step, sigma: float) -> Problem:
    """The working linear mixed model at the mode, in the user's columns, observed weights."""
    arrays, offset, weights = model.user_arrays, model.user_offset, terms.observed
    # Its sign is free, but nothing may be divided by a zero.
    least = 1e-12 * max(float(np.abs(weights).mean()), 1e-300)
    weights = np.where(np.abs(weights) < least, least, weights)
    response = eta - offset + terms.d1 / weights
    rows = replace(arrays, y=response, weights=np.ascontiguousarray(sigma**2 * weights))
    return build_problem(rows)


def user_theta(model: GlmmModel, working: Problem, par: FloatArray) -> FloatArray:
    """theta of the user's columns from the entries of Lambda in the optimiser's."""
    theta = par / model.problem.layout.theta_scale
    if model.centering is None:
        return theta
    moved = from_centred(working, model.centering, theta)
    return rectify(working, moved * working.theta_scale) / working.theta_scale


def par_covariance(model: GlmmModel, path: GlmmPath, sigma: float) -> FloatArray:
    """(size, size) covariance of (theta, beta, log phi) in the user's units."""
    H, m = path.hessian, model.problem.m
    layout, size = model.problem.layout, model.problem.size
    values, vectors = np.linalg.eigh(0.5 * (H + H.T))
    safe = np.maximum(values, 1e-12 * max(float(np.abs(values).max()), 1e-300))
    C = (vectors * (2.0 / safe)) @ vectors.T
    J = np.eye(size)
    J[m : m + layout.p, m : m + layout.p] = layout.basis.to_user
    par = path.point.psi[:m]
    signs = _signs(model, par)
    J[:m, :m] = _theta_jacobian(model, rectify(layout, par) / sigma) @ np.diag(signs / sigma)
    if model.has_scale:
        J[:m, -1] = -0.5 * J[:m, :m] @ par
    return np.asarray(J @ C @ J.T)


def _signs(model: GlmmModel, par: FloatArray) -> FloatArray:
    """(m,) signs by which `rectify` multiplied each entry (1 where it did more than that)."""
    rectified = rectify(model.problem.layout, par)
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
