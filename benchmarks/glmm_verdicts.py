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
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from random_glmms import Drawn, draw
from scipy.optimize import minimize
from seed_study import Row, command, costs

from nestwise._base.errors import NestwiseError
from nestwise.core.families.registry import family_named
from nestwise.core.glmm import GlmmEvaluation, GlmmProblem, evaluate_glmm
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

FLAT = 100.0
"""Times of it where the estimates run away, and the optimiser stops on the way."""

LEFT = 0.1
"""The most that may be left where nothing holds the estimates."""

STEEP = 0.1
"""Gradient from which a restart did not end at an optimum."""

PATIENCE = {"maxiter": 200, "maxfun": 250}
"""Of one restart."""

RESTARTS = 12
"""Restarts of one model; fewer where they would take more than `--seconds` of the processor."""

NOWHERE = 1e10
"""What the search is told where the criterion cannot be evaluated."""

FAR = 10.0
"""Standard deviation, beside the unit of the linear predictor, at which an effect has run away."""

OWN_UNIT = ("logit", "probit", "cloglog", "cauchit", "log")
"""Links whose linear predictor has no unit."""


@dataclass(frozen=True, slots=True)
class Best:
    """The best of all restarts.

    Parameters
    ----------
    value : float
        Criterion of the best optimum; infinite where no restart ended at one.
    where : (size,) float64
        Its parameters.
    beyond : float
        The lowest criterion at which a restart ended that is no optimum: a way to infinity.
    """

    value: float
    where: Floats
    beyond: float


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


def search(problem: GlmmProblem, at: Floats, u: Floats, unit: float, seconds: float) -> Best:
    """L-BFGS-B from many places, by value and gradient alone.

    What is not level is no optimum: a pole of the approximation, where the joint density bends
    upwards at its mode; the edge of what a link allows; a dispersion that tends to zero.
    """
    rng, end = np.random.default_rng(0), time.process_time() + seconds
    m, best, beyond = problem.m, Best(np.inf, at, np.inf), np.inf

    def function(psi: Floats) -> tuple[float, Floats]:
        r = evaluated(problem, psi, u)
        fine = np.isfinite(r.value) and len(r.gradient) and np.isfinite(r.gradient).all()
        return (r.value, r.gradient) if fine else (NOWHERE, np.zeros(len(psi)))

    for psi in islice(starts(at, m, unit, rng), RESTARTS):
        if time.process_time() > end:
            break
        found = again = minimize(function, psi, jac=True, method="L-BFGS-B", options=PATIENCE)
        # Near a boundary its line search gives up early: from where it stopped it may go on.
        if np.abs(found.jac).max(initial=0.0) > STEEP:
            again = minimize(function, found.x, jac=True, method="L-BFGS-B", options=PATIENCE)
        if again.fun >= NOWHERE:  # there are no modes where it began
            continue
        steep = np.abs(again.jac).max(initial=0.0) > STEEP
        if steep or far_out(again.x, m, evaluated(problem, again.x, u).result.eta, unit):
            beyond = min(beyond, float(again.fun))
        elif again.fun < best.value:
            best = Best(float(again.fun), again.x, np.inf)
    return replace(best, beyond=beyond)


def far_out(psi: Floats, m: int, eta: Floats, unit: float) -> bool:
    """Whether effects have run away, and with them the linear predictors."""
    return bool(np.abs(psi[:m]).max() > FAR * unit and np.ptp(eta) > 1.5 * FAR * unit)


def starts(at: Floats, m: int, unit: float, rng: np.random.Generator) -> Iterator[Floats]:
    """The fit itself, the fit with its variances off zero, and random places for ever."""
    yield at
    lifted = at.copy()
    lifted[:m] = np.where(np.abs(at[:m]) < 1e-2 * unit, 0.3 * unit, at[:m])
    yield lifted
    while True:
        psi = at.copy()
        psi[:m] = unit * rng.normal(size=m) * rng.choice([0.1, 0.5, 2.0])
        psi[m:] = at[m:] + unit * rng.normal(size=len(psi) - m) * rng.choice([0.1, 1.0, 3.0])
        yield psi


def evaluated(problem: GlmmProblem, psi: Floats, u: Floats) -> GlmmEvaluation:
    """The criterion from modes that are searched from zero, or else from those of the fit."""
    cold = evaluate_glmm(problem, psi, None, 1)
    return cold if np.isfinite(cold.value) else evaluate_glmm(problem, psi, u, 1)


def separable(fit: GlmmFit) -> bool:
    """Whether a linear programme on all rows separates the response."""
    side = sides(fit.design, fit.family, fit.link)
    return side is not None and find_separation(fit.design.fixed.X, side) is not None


def checked(fit: GlmmFit, seconds: float) -> Row:
    """Everything that is compared for one fit."""
    numbers = [fit.theta, fit.beta, fit.vcov, fit.par_vcov, fit.mu, fit.eta, *fit.modes]
    numbers.append(np.array([fit.loglik, fit.sigma, 1.0 if fit.phi is None else fit.phi]))
    row: Row = {"nan": not all(np.isfinite(x).all() for x in numbers)}
    model = twin(fit)
    at = psi_of(fit, model)
    row["separable"] = separable(fit)
    if at is None:
        return {**row, "centred": True}
    dense = evaluated(model.problem, at, fit.u)
    unit = 1.0 if fit.link.name in OWN_UNIT else max(float(np.std(fit.eta)), 1e-9)
    best = search(fit.model, at, fit.u, unit, seconds)
    diagonal = diagonal_positions(fit.model.layout)
    return {
        **row,
        "criterion": fit.criterion,
        "far": far_out(at, fit.model.m, fit.eta, unit),
        "best": best.value,
        "best_by_twin": evaluated(model.problem, best.where, fit.u).value,
        "beyond": best.beyond,
        "dense_difference": fit.criterion - dense.value,
        "gradient": float(np.abs(dense.gradient).max()) if len(dense.gradient) else np.nan,
        "smallest": float(np.abs(at[diagonal]).min()),
        "best_smallest": float(np.abs(best.where[diagonal]).min()),
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
            return {**row, **checked(fit, seconds)}
    except Exception as error:
        return {**row, "crash": f"check: {error!r}", "trace": traceback.format_exc()}


def _gap(r: Row) -> float:
    """How far the criterion is above the best optimum that both kernels agree on."""
    if "best" not in r or not np.isfinite([r["best"], r["best_by_twin"]]).all():
        return 0.0
    return float(r["criterion"] - max(r["best"], r["best_by_twin"]))


def _forgiven(r: Row) -> float:
    """Where nothing holds the estimates, also what the verdict itself says is left."""
    away = r["status"] == "not-identifiable"
    near = FLAT if away or "dispersion-at-limit" in r["codes"] else 1.0
    enough = near * ABOVE * max(1.0, 1e-4 * abs(r["criterion"]))
    return max(enough, min(r["decrease"], LEFT)) if away else enough


def _above(r: Row) -> bool:
    return "best" in r and _gap(r) > _forgiven(r)


def _failed(r: Row) -> bool:
    return r["status"] in ("saddle", "not-converged")


def _optimum_there(r: Row) -> bool:
    """Whether a restart ended at an optimum as low as the fit: then there is one to converge to."""
    return "best" in r and np.isfinite(r["best"]) and r["best"] < r["criterion"] + ABOVE


def _named(r: Row) -> bool:
    """Whether the fit says why there is no optimum."""
    return bool({"edge-of-range", "laplace-pole"} & set(r["codes"]))


NAMED = (
    "separation",
    "flat-likelihood",
    "no-residual-variance",
    "dispersion-at-limit",
    "lower-at-infinity",
    "edge-of-range",
    "laplace-pole",
)
"""Codes of diagnostics about the optimum."""

FAULTS: dict[str, Callable[[Row], bool]] = {
    "Python warning": lambda r: bool(r["warnings"]),
    "a number of the answer is not finite": lambda r: r["nan"],
    "criterion above the best by > 1e-6": _above,
    "the same, and the verdict says converged": lambda r: _above(r) and not _failed(r),
    "not converged or saddle, though there is an optimum": lambda r: (
        _failed(r) and _optimum_there(r)
    ),
    "not converged or saddle, and not said why": lambda r: _failed(r) and not _named(r),
    "criterion differs from the twin's by > 1e-6, no pole or edge": lambda r: (
        "best" in r
        and not _named(r)
        and not abs(r["dense_difference"]) < ABOVE * max(1.0, 1e-4 * abs(r["criterion"]))
    ),
    "says singular, best optimum is not (> 1e-2)": lambda r: (
        _above(r) and r["singular"] and r["best_smallest"] > 1e-2
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
    for code in NAMED:
        told = [r for r in done if code in r["codes"]]
        lines.append(f"| named: {code} | {len(told)} | |")
    lines.append(f"| refused with an error that says why | {len(refused)} | {_seeds(refused)} |")
    lines.append(f"| crash | {len(crashed)} | {_seeds(crashed)} |")
    for name, fault in FAULTS.items():
        found = [r for r in done if fault(r)]
        lines.append(f"| {name} | {len(found)} | {_seeds(found)} |")
    better = [r for r in done if "best" in r and _gap(r) < -ABOVE]
    lines.append(f"| criterion below the restarts' by > 1e-6 | {len(better)} | |")
    lower = [r for r in done if "best" in r and r["beyond"] < r["criterion"] - 1e-2]
    lower = [r for r in lower if not r["far"] and not set(NAMED) & set(r["codes"])]
    lines.append(f"| lower far out or at no optimum, not said | {len(lower)} | {_seeds(lower)} |")
    if done:
        lines.append(costs(done))
    for r in crashed:
        lines.append(f"\nseed {r['seed']}: {r['crash']}")
    for kind, count in Counter(r["refused"][:70] for r in refused).most_common(8):
        lines.append(f"\nrefused {count} times: {kind} ...")
    return "\n".join(lines)


if __name__ == "__main__":
    command(study, summary, __doc__, "glmm_verdicts.jsonl")
