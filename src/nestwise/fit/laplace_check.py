"""Is Laplace's approximation good enough? One quadrature at its optimum says what would change."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.diagnostic import Diagnostic
from nestwise._base.options import Control
from nestwise.core.glmm import evaluate_glmm
from nestwise.core.intercept_kernel import InterceptKernel
from nestwise.core.quadrature_compiled import Compiled
from nestwise.design.model import Design
from nestwise.fit.glmm_model import GlmmModel
from nestwise.fit.glmm_newton import GlmmPath, spectrum
from nestwise.fit.glmm_quadrature import with_points_of
from nestwise.fit.newton import FLAT
from nestwise.fit.rectify import diagonal_positions

POINTS = (7, 5, 4, 3)
"""Quadrature points of the check for one, two, three and four random effects a level."""

ADVISED = (15, 7, 5, 3)
"""Those of a fit that is advised."""

DENSITIES = 2_000_000
"""Row densities that the check may cost where the quadrature is compiled, a tenth elsewhere."""

ENOUGH = 200_000
"""Row densities from which some levels of a random intercept are looked at in place of all."""

VISIBLE = 0.1
"""Change of an estimate, in its standard errors, from which it is told."""


def laplace_trouble(
    design: Design, model: GlmmModel, path: GlmmPath, control: Control
) -> tuple[Diagnostic, ...]:
    """What a quadrature would change, where that is visible and cheap to know.

    One evaluation of the quadrature at the optimum of Laplace's approximation gives the change of
    the log-likelihood there, and with Laplace's curvature a Newton step of the estimates.

    Parameters
    ----------
    design : Design
        Names.
    model : GlmmModel
        With Laplace's kernel.
    path : GlmmPath
        Its optimum.
    control : Control
        Options of the optimiser.

    Source
    ------
    Joe (2008), Comput. Stat. Data Anal. 52, 5066-5074, on how the error of Laplace's approximation
    grows as groups of discrete data get smaller.
    """
    k = sum(len(t.columns) for t in design.terms)
    structured = any(t.structure not in ("us", "diag") for t in design.terms)
    if len(design.factors) != 1 or k > len(POINTS) or structured:
        return ()
    points = POINTS[k - 1]
    found = _changes(model, path, control, points, len(model.problem.offset) * points**k)
    if found is None:
        return ()
    change, slope = found
    values, vectors = spectrum(path)
    curvature = np.maximum(np.abs(values), FLAT * np.abs(values).max())
    along = slope @ vectors
    # No estimate moves by more standard errors than the root of this (Cauchy and Schwarz).
    if float(along @ (along / curvature)) <= 2.0 * VISIBLE**2:
        return ()
    move = -(vectors @ (along / curvature))
    gain = -0.5 * change
    return _told(design, model, path, move, gain, ADVISED[k - 1])


def _changes(
    model: GlmmModel, path: GlmmPath, control: Control, points: int, densities: int
) -> tuple[float, FloatArray] | None:
    """By how much the quadrature changes criterion and gradient; None where that is dear."""
    problem, at = model.problem, path.point
    kernel, part, before = problem.kernel, 1.0, at
    if isinstance(kernel, InterceptKernel) and densities > ENOUGH:
        part = ENOUGH / densities
        kernel = kernel.of_some_levels(part)
        before = evaluate_glmm(replace(problem, kernel=kernel), at.psi, at.result.u, 1)
    elif densities > DENSITIES:
        return None
    if isinstance(kernel, Compiled):
        integrated = replace(problem, kernel=kernel.with_points(points))
    elif densities > DENSITIES // 10:
        return None
    else:
        integrated = with_points_of(model, control, points).problem
    there = evaluate_glmm(integrated, at.psi, at.result.u, 1)
    if not (np.isfinite(there.value) and np.isfinite(there.gradient).all()):
        return None
    # At the optimum of all levels the gradient is zero, but not that of some.
    slope = there.gradient if part == 1.0 else (there.gradient - before.gradient) / part
    return (there.value - before.value) / part, slope


def _told(
    design: Design,
    model: GlmmModel,
    path: GlmmPath,
    move: FloatArray,
    gain: float,
    points: int,
) -> tuple[Diagnostic, ...]:
    """The diagnostic, if any estimate moves visibly."""
    problem = model.problem
    values, vectors = spectrum(path)
    covariance = (vectors * (2.0 / np.maximum(values, 1e-8 * np.abs(values).max()))) @ vectors.T
    m, p, psi = problem.m, problem.layout.p, path.point.psi
    to_user = problem.layout.basis.to_user
    far = np.abs(move[:m]) > VISIBLE * np.sqrt(covariance.diagonal()[:m])
    shift = to_user @ move[m : m + p]
    spread = ((to_user @ covariance[m : m + p, m : m + p]) * to_user).sum(axis=1)
    moved = np.abs(shift) > VISIBLE * np.sqrt(spread)
    if not (far.any() or moved.any()):
        return ()
    changed = []
    labels = [f"sd of {c} by {t.label}" for t in design.terms for c in t.columns]
    for label, i in zip(labels, diagonal_positions(problem.layout), strict=True):
        if far[i] and psi[i] != 0.0:
            changed.append(f"{label} by {100.0 * move[i] / psi[i]:+.0f} %")
    beta = to_user @ psi[m : m + p]
    for j in np.flatnonzero(moved):
        name = design.fixed.names[j]
        changed.append(f"'{name}' from {beta[j]:.3g} to about {beta[j] + shift[j]:.3g}")
    if not changed:
        return ()
    return (
        Diagnostic(
            "laplace",
            "Laplace's approximation is visibly off: by quadrature the log-likelihood would differ "
            f"by about {gain:+.2g} here, and the estimates would change: {', '.join(changed)}.",
            f"Groups are small for their kind of response: fit with nAGQ={points}.",
        ),
    )
