"""Time whole calls beside lme4 in one run, one thread each, and print a table.

Usage: python benchmarks/speed.py [--cases a,b] [--engines nestwise,lme4,lme4tuned] [--json FILE]

Each engine runs in a process of its own, turn by turn, case by case; lme4 only where Rscript and
lme4 are installed. Simulated data are made on first use (see make_data.py).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from cases import CASES, DATA
from tqdm import tqdm

HERE = Path(__file__).parent
ENGINES = ("nestwise", "lme4tuned", "lme4")
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def command(engine: str, case: str, reps: int) -> list[str]:
    """What runs one case with one engine."""
    if engine.startswith("lme4"):
        slow = max(1, min(reps, 11) if reps > 5 else reps // 3)
        return ["Rscript", str(HERE / "lme4.R"), case, engine, str(slow)]
    return [sys.executable, str(HERE / "ours.py"), case, engine, str(reps)]


def run(engine: str, case: str, reps: int) -> list[dict[str, Any]]:
    """The fits of one engine, one dictionary each."""
    environment = {**os.environ, **ONE_THREAD, "BENCH_DATA": str(DATA)}
    done = subprocess.run(
        command(engine, case, reps), capture_output=True, text=True, env=environment, check=False
    )
    if done.returncode:
        print(f"{engine} failed on {case}:\n{done.stderr[-2000:]}", file=sys.stderr)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def row(case: str, fits: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Medians of one case, and ratios to ours."""
    out: dict[str, Any] = {"case": case}
    for engine, lines in fits.items():
        if lines:
            out[engine] = {
                "seconds": statistics.median(x["seconds"] for x in lines),
                "criterion": lines[-1]["criterion"],
                "evaluations": lines[-1]["evaluations"],
                "memory": max(x["memory"] for x in lines),
                "reps": len(lines),
            }
    return out


def table(rows: list[dict[str, Any]], engines: list[str]) -> str:
    """A Markdown table."""
    head = "| case | engine | seconds | times ours | criterion | evaluations | memory MiB |\n"
    lines = [head + "|---|---|---:|---:|---:|---:|---:|"]
    for r in rows:
        for engine in (e for e in engines if e in r):
            x = r[engine]
            ours = r.get("nestwise", x)["seconds"]
            lines.append(
                f"| {r['case']} | {engine} | {x['seconds']:.4g} | {x['seconds'] / ours:.1f} "
                f"| {x['criterion']:.6f} | {x['evaluations']} | {x['memory']:.0f} |"
            )
    return "\n".join(lines)


def main() -> None:
    """Run what is asked for and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--engines", default=",".join(ENGINES))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    engines = options.engines.split(",")
    if shutil.which("Rscript") is None:
        engines = [e for e in engines if not e.startswith("lme4")]
    names = options.cases.split(",")
    if any(CASES[n].data.endswith(".csv") for n in names):
        subprocess.run([sys.executable, str(HERE / "make_data.py"), str(DATA)], check=True)
    rows = []
    for name in tqdm(names, disable=None):
        rows.append(row(name, {e: run(e, name, CASES[name].reps) for e in engines}))
    print(table(rows, engines))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
