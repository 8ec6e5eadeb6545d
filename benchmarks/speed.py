"""Time whole calls beside lme4 in one run, one thread each, and print a table.

Usage: python benchmarks/speed.py [--cases a,b] [--engines a,b] [--peers-python PATH]
       [--limit SECONDS] [--json FILE]

Engines: nestwise (nestwise2 and so on: with so many threads), lme4, lme4tuned and glmmtmb where
Rscript and the packages are installed (glmmtmb for generalised models only), and with
--peers-python, the interpreter of an environment made from peers-requirements.txt, mixedlm, glmm,
lme-python, gpboost and statsmodels. Each engine runs in a process of its own, turn by turn, case by
case, for --limit seconds at most. What an engine refuses or gets wrong is said in the table.
Simulated data are made on first use (see make_data.py).
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

from cases import CASES, DATA, Case
from tqdm import tqdm

HERE = Path(__file__).parent
ENGINES = ("nestwise", "lme4tuned", "lme4", "glmmtmb")
IN_R = ("lme4tuned", "lme4", "glmmtmb")
PEERS = ("mixedlm", "glmm", "lme-python", "gpboost", "statsmodels")
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")
ANOTHER = ("maximum likelihood", "log-likelihood on a scale", "log-determinant by random")
"""Beginnings of notes on criteria that are of another kind."""

WORSE = 1e-4
"""Distance above the best comparable criterion of a case that is called worse."""


def command(engine: str, case: str, reps: int, peers: str) -> list[str]:
    """What runs one case with one engine."""
    if engine in PEERS:
        return [peers, str(HERE / "peers.py"), engine, case, str(min(reps, 11))]
    if engine in IN_R:
        slow = max(1, min(reps, 11) if reps > 5 else reps // 3)
        return ["Rscript", str(HERE / "lme4.R"), case, engine, str(slow)]
    return [sys.executable, str(HERE / "ours.py"), case, engine, str(reps)]


def run(engine: str, case: str, reps: int, peers: str, limit: float) -> list[dict[str, Any]]:
    """The fits of one engine, one dictionary each; or a single one that says what went wrong."""
    threads = engine.removeprefix("nestwise") if engine.startswith("nestwise") else ""
    environment = {**os.environ, **dict.fromkeys(THREADS, threads or "1"), "BENCH_DATA": str(DATA)}
    try:
        done = subprocess.run(
            command(engine, case, reps, peers),
            capture_output=True,
            text=True,
            env=environment,
            check=False,
            timeout=limit,
        )
    except subprocess.TimeoutExpired as late:
        printed = late.stdout.decode() if late.stdout else ""
        return parsed(printed) or [{"error": f"stopped after {limit:.0f} s"}]
    if done.returncode and not parsed(done.stdout):
        return [{"error": f"exit {done.returncode}: {last_words(done.stderr)[:200]}"}]
    return parsed(done.stdout)


def can(engine: str, case: Case) -> bool:
    """Whether an engine is asked at all."""
    if engine == "glmmtmb":
        return case.family != "gaussian" and case.n_agq == 1
    return case.what == "fit" or engine not in PEERS


def last_words(text: str) -> str:
    """The last line of a traceback, or what a panic of Rust says."""
    lines = [x for x in text.strip().splitlines() if not x.startswith("note:")]
    for i, line in enumerate(lines):
        if "panicked at" in line or "memory allocation" in line:
            return " ".join(lines[i : i + 2]) if "panicked" in line else line
    return lines[-1] if lines else "no message"


def parsed(text: str) -> list[dict[str, Any]]:
    """The JSON lines among what was printed."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def row(case: str, fits: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Medians of one case by engine."""
    out: dict[str, Any] = {"case": case, "formula": CASES[case].formula, "reml": CASES[case].reml}
    for engine, lines in fits.items():
        good = [x for x in lines if "error" not in x]
        if not good:
            out[engine] = {"error": lines[0]["error"] if lines else "said nothing"}
            continue
        out[engine] = {
            "seconds": statistics.median(x["seconds"] for x in good),
            "fastest": min(x["seconds"] for x in good),
            "criterion": good[-1]["criterion"],
            "evaluations": good[-1]["evaluations"],
            "memory": max(x["memory"] for x in good),
            "note": good[-1].get("note", ""),
            "reps": len(good),
        }
    return out


def remark(r: dict[str, Any], engine: str) -> str:
    """What must be said of a criterion beside the best that is of the same kind."""
    x = r[engine]
    if x["note"].startswith(ANOTHER):
        return str(x["note"])
    same = [
        v["criterion"]
        for v in r.values()
        if isinstance(v, dict) and "criterion" in v and not v["note"].startswith(ANOTHER)
    ]
    above = x["criterion"] - min(same)
    worse = f"criterion {above:.2g} above the best" if above > WORSE else ""
    return "; ".join(part for part in (x["note"], worse) if part)


def table(rows: list[dict[str, Any]], engines: list[str]) -> str:
    """A Markdown table; refusals and worse criteria in words."""
    lines = [
        "| case | engine | seconds | times ours | criterion | evaluations | memory MiB | remark |",
        "|---|---|---:|---:|---:|---:|---:|---|",
    ]
    for r in rows:
        for engine in (e for e in engines if e in r):
            x = r[engine]
            if "error" in x:
                what = x["error"].replace("|", "/").replace("\n", " ")
                lines.append(f"| {r['case']} | {engine} | - | - | - | - | - | {what} |")
                continue
            ours = r.get("nestwise", x).get("seconds", x["seconds"])
            evaluations = "" if x["evaluations"] is None else x["evaluations"]
            lines.append(
                f"| {r['case']} | {engine} | {x['seconds']:.4g} | {x['seconds'] / ours:.1f} "
                f"| {x['criterion']:.6f} | {evaluations} | {x['memory']:.0f} "
                f"| {remark(r, engine)} |"
            )
    return "\n".join(lines)


def main() -> None:
    """Run what is asked for and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--engines", default="")
    parser.add_argument("--peers-python", default="")
    parser.add_argument("--limit", type=float, default=600.0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    peers = PEERS if options.peers_python else ()
    engines = options.engines.split(",") if options.engines else [*ENGINES, *peers]
    if shutil.which("Rscript") is None:
        engines = [e for e in engines if e not in IN_R]
    names = options.cases.split(",")
    needed = {CASES[n].data.removesuffix(".csv") for n in names if CASES[n].data.endswith(".csv")}
    if set(engines) & set(PEERS):
        needed |= {CASES[n].data.removesuffix(".csv") for n in names}
    if needed:
        subprocess.run(
            [sys.executable, str(HERE / "make_data.py"), str(DATA), *sorted(needed)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
    rows = []
    for name in tqdm(names, disable=None):
        able = [e for e in engines if can(e, CASES[name])]
        fits = {
            e: run(e, name, CASES[name].reps, options.peers_python, options.limit) for e in able
        }
        rows.append(row(name, fits))
        if options.json:
            options.json.write_text(json.dumps(rows, indent=1))
    print(table(rows, engines))


if __name__ == "__main__":
    main()
