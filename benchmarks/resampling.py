"""Time profiles and bootstraps beside lme4 and pbkrtest in one run, one thread each.

Usage: python benchmarks/resampling.py [--json FILE]

R's bootstraps are timed on 100 replicates and scaled to 1000.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import nestwise as nw

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def best(call: Callable[[], object], repeats: int) -> float:
    """Least seconds of a few calls, after one to warm up."""
    call()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def ours() -> dict[str, float]:
    """Seconds of each task."""
    sleep, exam = nw.load_dataset("sleepstudy"), nw.load_dataset("Exam")
    m = nw.lmer("Reaction ~ Days + (Days | Subject)", sleep)
    u = nw.lmer("Reaction ~ Days + (Days || Subject)", sleep)
    e = nw.lmer("normexam ~ standLRT + (standLRT | school)", exam)
    m0 = nw.lmer("Reaction ~ 1 + (Days | Subject)", sleep, REML=False)
    m1 = nw.lmer("Reaction ~ Days + (Days | Subject)", sleep, REML=False)
    return {
        "profile sleepstudy": best(lambda: m.confint("profile"), 20),
        "profile sleepstudy ||": best(lambda: u.confint("profile"), 20),
        "profile Exam": best(lambda: e.confint("profile"), 20),
        "bootstrap sleepstudy (1000)": best(lambda: m.bootstrap(1000, seed=1), 3),
        # A replicate of the bootstrap: simulate, then refit.
        "refit Exam": best(lambda: e.bootstrap(200, seed=1), 3) / 200,
        "pb_compare sleepstudy (1000)": best(lambda: nw.pb_compare(m0, m1, n=1000, seed=1), 2),
    }


def theirs() -> dict[str, float]:
    """The same in R."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("sleepstudy", "Exam"):
            nw.load_dataset(name).to_csv(Path(folder) / f"{name}.csv", index=False)
        done = subprocess.run(
            ["Rscript", str(Path(__file__).with_suffix(".R")), folder],
            capture_output=True,
            text=True,
            env={**os.environ, **ONE_THREAD},
            check=True,
        )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {line["task"]: line["seconds"] for line in lines}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    first, r = ours(), theirs()
    again = ours()
    if options.json:
        least = {task: min(seconds, again[task]) for task, seconds in first.items()}
        rows = [{"task": task, "nestwise": x, "r": r[task]} for task, x in least.items()]
        options.json.write_text(json.dumps(rows, indent=1))
    print(f"{'task':30s} {'nestwise':>12s} {'R':>12s} {'ratio':>7s}")
    for task, seconds in first.items():
        x = min(seconds, again[task])
        print(f"{task:30s} {1e3 * x:9.2f} ms {1e3 * r[task]:9.1f} ms {r[task] / x:6.0f}x")


if __name__ == "__main__":
    main()
