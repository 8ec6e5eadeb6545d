"""Does the verdict of a fit hold? Thousands of random models against a brute-force search.

python benchmarks/verdicts.py [--n 1000] [--seed 1] [--jobs 2] [--out verdicts.jsonl] [--seconds 1]

Models are those of seeds `seed` to `seed + n - 1` (see random_designs.py); a file that exists is
continued; the table counts all its lines. `--only SEED` prints everything about one model.
"""

from __future__ import annotations

import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable

import numpy as np
from brute_force import (
    centred,
    criterion,
    dependence,
    long_criterion,
    moved_along,
    promised_decrease,
    search,
    smallest,
)
from random_designs import Drawn, draw
from seed_study import Row, command, costs

from nestwise.core.lmm import flat_lambdas
from nestwise.core.problem import build_problem
from nestwise.core.reference import DenseKernel, dense_kernel
from nestwise.design import build
from nestwise.fit.assemble import model_arrays
from nestwise.fit.identify import flat_directions
from nestwise.fit.lmm import fit_lmm
from nestwise.fit.result import LmmFit
from nestwise.inference.convergence import convergence_check

ABOVE = 1e-6
"""Distance from the best criterion that is forgiven."""


def fitted(drawn: Drawn) -> tuple[LmmFit, list[str], float]:
    """The fit as the public call makes it, what it warned of, and its seconds."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        begin = time.perf_counter()
        design = build(drawn.formula, drawn.data, weights="w" if drawn.weighted else None)
        fit = fit_lmm(design, reml=drawn.reml)
        seconds = time.perf_counter() - begin
    return fit, [f"{w.category.__name__}: {w.message}" for w in caught], seconds


def checked(fit: LmmFit, seed: int, seconds: float) -> Row:
    """Everything that is compared for one fit."""
    problem, par = fit.problem, fit.theta * fit.problem.theta_scale
    best = search(problem, fit.reml, par, seconds, seed)
    arrays = model_arrays(fit.design)
    dense = build_problem(arrays, make_kernel=dense_kernel)
    apart = build_problem(centred(arrays), make_kernel=dense_kernel)
    assert isinstance(dense.kernel, DenseKernel)
    assert isinstance(apart.kernel, DenseKernel)
    exact, best_exact = (
        long_criterion(dense.kernel, flat_lambdas(dense, at), dense.log_weights, fit.reml)
        if fit.criterion - best.value > ABOVE
        else 0.0
        for at in (par, best.par)
    )
    difference = fit.criterion - criterion(dense, par, fit.reml)
    if not abs(difference) < _forgiven(fit.criterion):
        # The dense twin loses digits too: more of them decide.
        exact = long_criterion(dense.kernel, flat_lambdas(dense, par), dense.log_weights, fit.reml)
        difference = fit.criterion - (exact - 2.0 * fit.reml * dense.basis.log_det)
    largest, promised = promised_decrease(problem, par, fit.reml)
    # As the fit does: directions are looked for where the slopes' columns are centred.
    seen = build_problem(centred(arrays))
    scale = np.array(
        [seen.column_scales[f][r] * seen.column_scales[f][c] for f, r, c in seen.entries]
    )
    directions = [d.weights * np.append(scale, 1.0) for d in flat_directions(seen)]
    return {
        "criterion": fit.criterion,
        "best": best.value,
        "dense_difference": difference,
        "at_theta": fit.criterion - criterion(problem, par, fit.reml),
        "smallest": smallest(problem, par),
        "best_smallest": smallest(problem, best.par),
        "gradient": largest,
        "promised": promised,
        "long_difference": exact - best_exact,
        "dependence": dependence(apart.kernel, apart.entries, fit.reml),
        "flat_change": max((moved_along(seen, d, fit.reml) for d in directions), default=0.0),
        "theta": fit.theta.tolist(),
        "best_theta": (best.par / problem.theta_scale).tolist(),
        "brute_evaluations": best.evaluations,
        "hessian_agrees": convergence_check(fit).agrees,
    }


def study(seed: int, seconds: float) -> Row:
    """One model: fit, brute force, comparison. A crash is part of the answer."""
    drawn = draw(seed)
    row: Row = {
        "seed": seed,
        "formula": drawn.formula,
        "n": len(drawn.data),
        "levels": [int(drawn.data[g].nunique()) for g in drawn.data if g.startswith("g")],
        "weighted": drawn.weighted,
        "reml": drawn.reml,
        "traits": drawn.traits,
    }
    try:
        fit, caught, elapsed = fitted(drawn)
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
        "m": len(fit.theta),
    }
    try:
        return {**row, **checked(fit, seed, seconds)}
    except Exception as error:
        return {**row, "crash": f"check: {error!r}", "trace": traceback.format_exc()}


def _forgiven(value: float) -> float:
    """Difference between two ways to compute a criterion that rounding may make."""
    return ABOVE * max(1.0, 1e-3 * abs(value))


def _gap(r: Row) -> float:
    """How far the criterion is above the best, without what is rounding."""
    gap = float(r["criterion"] - r["best"])
    return min(gap, float(r["long_difference"])) if gap > ABOVE else gap


def _flat(r: Row) -> bool:
    return bool(r["status"] == "not-identifiable")


FAULTS: dict[str, Callable[[Row], bool]] = {
    "Python warning": lambda r: bool(r["warnings"]),
    "criterion above the best by > 1e-6": lambda r: _gap(r) > ABOVE,
    "the same, and the verdict says converged": lambda r: (
        _gap(r) > ABOVE and r["status"] not in ("saddle", "not-converged")
    ),
    "not converged or saddle, though criterion is the best": lambda r: (
        _gap(r) <= ABOVE and r["status"] in ("saddle", "not-converged")
    ),
    "criterion differs from the dense one by > 1e-6": lambda r: (
        not abs(r["dense_difference"]) < _forgiven(r["criterion"])
    ),
    "criterion is not that of the theta that is told, by > 1e-6": lambda r: (
        not abs(r["at_theta"]) < _forgiven(r["criterion"])
    ),
    "says singular, best optimum is not (> 1e-3)": lambda r: (
        r["singular"] and not _flat(r) and r["best_smallest"] > 1e-3 and _gap(r) > -1e-9
    ),
    "says not singular, best optimum is (< 1e-5)": lambda r: (
        not r["singular"] and not _flat(r) and r["best_smallest"] < 1e-5 and abs(_gap(r)) < ABOVE
    ),
    "says converged, gradient promises > 1e-6": lambda r: (
        r["status"] not in ("saddle", "not-converged") and not r["promised"] < ABOVE
    ),
    "the exact Hessian contradicts the verdict": lambda r: not r.get("hessian_agrees", True),
    "says not identifiable, components are independent": lambda r: (
        _flat(r) and r["dependence"] > 1e-4
    ),
    "says not identifiable, criterion changes along the direction": lambda r: (
        _flat(r) and not r["flat_change"] < 1e-6 * max(1.0, 1e-2 * abs(r["criterion"]))
    ),
    "components are dependent, not said": lambda r: (
        r["status"] in ("converged", "singular") and r["dependence"] < 1e-7
    ),
    "evaluations >= 200": lambda r: r["evaluations"] >= 200,
}


def _seeds(rows: list[Row]) -> str:
    return " ".join(str(r["seed"]) for r in rows[:60]) + (" ..." if len(rows) > 60 else "")


def summary(rows: list[Row]) -> str:
    """The counts as a Markdown table, with the seeds of every fault."""
    done = [r for r in rows if "crash" not in r]
    crashed = [r for r in rows if "crash" in r]
    lines = ["| what | models | seeds |", "|---|---:|---|", f"| all | {len(rows)} | |"]
    for status, count in sorted(Counter(r["status"] for r in done).items()):
        lines.append(f"| verdict: {status} | {count} | |")
    lines.append(f"| crash | {len(crashed)} | {_seeds(crashed)} |")
    for name, fault in FAULTS.items():
        found = [r for r in done if fault(r)]
        lines.append(f"| {name} | {len(found)} | {_seeds(found)} |")
    better = [r for r in done if _gap(r) < -ABOVE]
    lines.append(f"| criterion below the brute force by > 1e-6 | {len(better)} | |")
    if done:
        brute = np.median([r["brute_evaluations"] for r in done])
        lines.append(costs(done, f"Brute force: median {brute:.0f}. "))
    for r in crashed:
        lines.append(f"\nseed {r['seed']}: {r['crash']}")
    return "\n".join(lines)


if __name__ == "__main__":
    command(study, summary, __doc__, "verdicts.jsonl")
