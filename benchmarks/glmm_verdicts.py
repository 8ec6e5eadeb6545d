"""Does the verdict of a generalised mixed model hold? Random models against restarts by the dozen.

python benchmarks/glmm_verdicts.py [--n 1000] [--seed 1] [--jobs 2] [--out FILE] [--seconds 1]

Models are those of seeds `seed` to `seed + n - 1` (see random_glmms.py); a file that exists is
continued; the table counts all its lines. `--only SEED` prints everything about one model.
"""

from __future__ import annotations

import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from random_glmms import Drawn, draw
from scipy.optimize import minimize
from seed_study import Row, command, costs

from nestwise._base.errors import NestwiseError
from nestwise.core.families.registry import family_named
from nestwise.core.glmm import GlmmProblem, evaluate_glmm
from nestwise.core.glmm_reference import dense_glmm
from nestwise.core.links.registry import link_named
from nestwise.core.quadrature_kernel import dense_quadrature
from nestwise.core.separation import find_separation
from nestwise.design import build
from nestwise.fit.glmm import fit_glmm
from nestwise.fit.glmm_model import GlmmModel, make_glmm
from nestwise.fit.glmm_result import GlmmFit
from nestwise.fit.rectify import diagonal_positions
from nestwise.fit.separated import sides

Floats = NDArray[np.float64]

ABOVE = 1e-6
"""Distance from the best criterion that is forgiven."""

POLE = 1e4
"""Gradient from which a restart did not end at an optimum."""


def fitted(drawn: Drawn) -> tuple[GlmmFit, list[str], float]:
    """The fit as the public call makes it, what it warned of, and its seconds."""
    family, link = family_named(drawn.family), link_named(drawn.link)
    counts = drawn.family in ("binomial", "beta_binomial")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        begin = time.perf_counter()
        design = build(
            drawn.formula,
            drawn.data,
            weights="w" if drawn.weighted else None,
            response="proportion" if counts else "number",
        )
        fit = fit_glmm(design, family, link, drawn.n_agq)
        seconds = time.perf_counter() - begin
    return fit, [f"{w.category.__name__}: {w.message}" for w in caught], seconds


def twin(fit: GlmmFit) -> GlmmModel:
    """The same model with NumPy's kernel."""
    if fit.n_agq == 1:
        return make_glmm(fit.design, fit.family, fit.link, fit.control, dense_glmm)

    def kernel(rows: Any) -> Any:
        return dense_quadrature(rows, fit.n_agq)

    return make_glmm(fit.design, fit.family, fit.link, fit.control, kernel)


def psi_of(fit: GlmmFit, model: GlmmModel) -> Floats | None:
    """The fit's parameters in the kernel's coordinates; None where columns were centred."""
    if model.centering is not None:
        return None
    layout = model.problem.layout
    par = fit.theta * fit.sigma * layout.theta_scale
    beta = np.linalg.solve(layout.basis.to_user, fit.beta) if layout.p else np.zeros(0)
    return np.concatenate([par, beta, [] if fit.phi is None else [np.log(fit.phi)]])


def search(problem: GlmmProblem, at: Floats, seconds: float, seed: int) -> tuple[float, Floats]:
    """The best criterion of L-BFGS-B from many places, by value and gradient alone.

    Poles of the approximation, where the joint density bends upwards at its mode, are no optima.
    """
    rng, end = np.random.default_rng(seed), time.perf_counter() + seconds
    best, where = np.inf, at
    m = problem.m

    def function(psi: Floats) -> tuple[float, Floats]:
        r = evaluate_glmm(problem, psi, None, 1)
        fine = np.isfinite(r.value) and len(r.gradient) and np.isfinite(r.gradient).all()
        return (r.value, r.gradient) if fine else (1e10, np.zeros(len(psi)))

    starts = 0
    while starts < 2 or time.perf_counter() < end:
        psi = at.copy()
        if starts == 1:
            psi[:m] = np.where(np.abs(psi[:m]) < 1e-2, 0.3, psi[:m])
        elif starts > 1:
            psi[:m] = rng.normal(size=m) * rng.choice([0.1, 0.5, 2.0])
            psi[m:] = at[m:] + rng.normal(size=len(psi) - m) * rng.choice([0.1, 1.0])
        found = minimize(function, psi, jac=True, method="L-BFGS-B", options={"maxiter": 300})
        if found.fun < best and np.abs(found.jac).max(initial=0.0) < POLE:
            best, where = float(found.fun), found.x
        starts += 1
    return best, where


def separable(fit: GlmmFit) -> bool:
    """Whether a linear programme on all rows separates the response."""
    side = sides(fit.design, fit.family, fit.link)
    return side is not None and find_separation(fit.design.fixed.X, side) is not None


def checked(fit: GlmmFit, seed: int, seconds: float) -> Row:
    """Everything that is compared for one fit."""
    numbers = [fit.theta, fit.beta, fit.vcov, fit.par_vcov, fit.mu, fit.eta, *fit.modes]
    numbers.append(np.array([fit.loglik, fit.sigma, 1.0 if fit.phi is None else fit.phi]))
    row: Row = {"nan": not all(np.isfinite(x).all() for x in numbers)}
    model = twin(fit)
    at = psi_of(fit, model)
    row["separable"] = separable(fit)
    if at is None:
        return {**row, "centred": True}
    dense = evaluate_glmm(model.problem, at, None, 1)
    best, where = search(fit.model, at, seconds, seed)
    diagonal = diagonal_positions(fit.model.layout)
    twin_there = evaluate_glmm(model.problem, where, None, 0).value
    return {
        **row,
        "criterion": fit.criterion,
        "best": best,
        "best_by_twin": twin_there,
        "dense_difference": fit.criterion - dense.value,
        "gradient": float(np.abs(dense.gradient).max()) if len(dense.gradient) else np.nan,
        "smallest": float(np.abs(at[diagonal]).min()),
        "best_smallest": float(np.abs(where[diagonal]).min()),
    }


def study(seed: int, seconds: float) -> Row:
    """One model: fit, restarts, comparison. A crash is part of the answer."""
    drawn = draw(seed)
    row: Row = {
        "seed": seed,
        "formula": drawn.formula,
        "family": drawn.family,
        "link": drawn.link,
        "n_agq": drawn.n_agq,
        "n": len(drawn.data),
        "traits": drawn.traits,
    }
    try:
        fit, caught, elapsed = fitted(drawn)
    except NestwiseError as refused:
        return {**row, "refused": f"{type(refused).__name__}: {refused}"}
    except Exception as error:
        return {**row, "crash": f"{type(error).__name__}: {error}", "trace": traceback.format_exc()}
    row |= {
        "status": fit.verdict.status,
        "singular": fit.verdict.singular,
        "decrease": fit.verdict.decrease,
        "codes": [d.code for d in fit.diagnostics],
        "messages": [d.message for d in fit.diagnostics],
        "warnings": caught,
        "evaluations": fit.n_evaluations,
        "seconds": elapsed,
    }
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return {**row, **checked(fit, seed, seconds)}
    except Exception as error:
        return {**row, "crash": f"check: {error!r}", "trace": traceback.format_exc()}


def _gap(r: Row) -> float:
    """How far the criterion is above the best that both kernels agree on."""
    if "best" not in r or not np.isfinite(r["best_by_twin"]):
        return 0.0
    return float(r["criterion"] - max(r["best"], r["best_by_twin"]))


def _forgiven(r: Row) -> float:
    return 1e-4 if r["status"] == "not-identifiable" else ABOVE * max(1.0, 1e-4 * abs(r["best"]))


FAULTS: dict[str, Callable[[Row], bool]] = {
    "Python warning": lambda r: bool(r["warnings"]),
    "a number of the answer is not finite": lambda r: r["nan"],
    "criterion above the best by > 1e-6": lambda r: "best" in r and _gap(r) > _forgiven(r),
    "the same, and the verdict says converged": lambda r: (
        "best" in r and _gap(r) > _forgiven(r) and r["status"] not in ("saddle", "not-converged")
    ),
    "not converged or saddle, though criterion is the best": lambda r: (
        "best" in r and _gap(r) <= _forgiven(r) and r["status"] in ("saddle", "not-converged")
    ),
    "criterion differs from the twin's by > 1e-6": lambda r: (
        "best" in r and not abs(r["dense_difference"]) < ABOVE * max(1.0, 1e-4 * abs(r["best"]))
    ),
    "says singular, best optimum is not (> 1e-2)": lambda r: (
        "best" in r and r["singular"] and r["best_smallest"] > 1e-2 and _gap(r) > ABOVE
    ),
    "says not singular, best optimum is (< 1e-5)": lambda r: (
        "best" in r
        and not r["singular"]
        and r["status"] == "converged"
        and r["best_smallest"] < 1e-5
        and abs(_gap(r)) < ABOVE
    ),
    "separable, not said": lambda r: r["separable"] and "separation" not in r["codes"],
    "says separation, is not separable": lambda r: (
        not r["separable"] and "separation" in r["codes"]
    ),
    "evaluations >= 150": lambda r: r["evaluations"] >= 150,
}


def _seeds(rows: list[Row]) -> str:
    return " ".join(str(r["seed"]) for r in rows[:60]) + (" ..." if len(rows) > 60 else "")


def summary(rows: list[Row]) -> str:
    """The counts as a Markdown table, with the seeds of every fault."""
    done = [r for r in rows if "crash" not in r and "refused" not in r]
    crashed = [r for r in rows if "crash" in r]
    refused = [r for r in rows if "refused" in r]
    lines = ["| what | models | seeds |", "|---|---:|---|", f"| all | {len(rows)} | |"]
    for status, count in sorted(Counter(r["status"] for r in done).items()):
        lines.append(f"| verdict: {status} | {count} | |")
    lines.append(f"| refused with an error that says why | {len(refused)} | {_seeds(refused)} |")
    lines.append(f"| crash | {len(crashed)} | {_seeds(crashed)} |")
    for name, fault in FAULTS.items():
        found = [r for r in done if fault(r)]
        lines.append(f"| {name} | {len(found)} | {_seeds(found)} |")
    better = [r for r in done if "best" in r and _gap(r) < -ABOVE]
    lines.append(f"| criterion below the restarts' by > 1e-6 | {len(better)} | |")
    if done:
        lines.append(costs(done))
    for r in crashed:
        lines.append(f"\nseed {r['seed']}: {r['crash']}")
    for kind, count in Counter(r["refused"][:70] for r in refused).most_common(8):
        lines.append(f"\nrefused {count} times: {kind} ...")
    return "\n".join(lines)


if __name__ == "__main__":
    command(study, summary, __doc__, "glmm_verdicts.jsonl")
