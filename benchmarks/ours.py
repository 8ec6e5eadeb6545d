"""One case with nestwise: python ours.py CASE ENGINE REPS -> one JSON line for each fit.

The time is that of the whole public call, from data frame to frozen fit, or from fit to the text
of its summary. ENGINE is nestwise, or nestwise2 and so on for so many threads.
"""

from __future__ import annotations

import gc
import json
import resource
import sys
import time
from typing import Any

import pandas as pd
from cases import CASES, Case, load

import nestwise as nw

SHORT = 0.05
"""Seconds below which garbage is not collected before a fit: that would empty the caches."""


def memory() -> float:
    """Resident memory now, MiB."""
    with open("/proc/self/status") as status:
        line = next(x for x in status if x.startswith("VmRSS"))
    return float(line.split()[1]) / 1024


def fitted(spec: Case, data: pd.DataFrame, control: dict[str, int]) -> Any:
    """The public call of a case."""
    if spec.family == "gaussian":
        return nw.lmer(spec.formula, data, REML=spec.reml, control=control)
    return nw.glmer(spec.formula, data, family=spec.family, nAGQ=spec.n_agq, control=control)


def main() -> None:
    """Fit REPS times, after one fit that is not counted."""
    case, engine, reps = sys.argv[1], sys.argv[2], int(sys.argv[3])
    spec = CASES[case]
    control = {"threads": int(engine.removeprefix("nestwise") or 1)}
    data = load(spec)
    base, seconds = memory(), 1.0
    for i in range(reps + 1):
        fit = None
        if seconds > SHORT:
            gc.collect()
        begin = time.perf_counter()
        fit = fitted(spec, data, control)
        if spec.what == "summary":
            begin = time.perf_counter()
            str(fit.summary())
        seconds = time.perf_counter() - begin
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        line = {
            "case": case,
            "engine": engine,
            "seconds": seconds,
            "criterion": fit.criterion,
            "evaluations": fit.n_evaluations,
            "theta": fit.theta.tolist(),
            "memory": max(peak - base, 0.0),
        }
        if i:
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
