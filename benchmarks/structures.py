"""Structured residuals beside nlme, in one run: structures.py [--quick] [--no-r] [--cases ...].

Prints a table and writes docs/figures/structures.json. The time is that of the whole public call,
the median of several, as in speed.py.
nlme is stopped after `PATIENCE` seconds; the cases marked "ours" are beyond its reach.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import nestwise as nw

HERE = Path(__file__).parent
OVARY = HERE.parents[1] / "shared" / "data" / "Ovary.csv"
OUT = HERE.parent / "docs" / "figures" / "structures.json"
PATIENCE = 900
WAVE = "follicles ~ sin(2 * pi * Time) + cos(2 * pi * Time)"
MEANS = "y ~ factor(visit) * arm"

Fit = dict[str, Any]


def trial(subjects: int, visits: int, seed: int) -> pd.DataFrame:
    """A trial with two arms, AR(1) residuals, growing variances and a tenth of visits missed."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(subjects, visits))
    e = np.empty_like(noise)
    e[:, 0] = noise[:, 0]
    for j in range(1, visits):
        e[:, j] = 0.7 * e[:, j - 1] + np.sqrt(1 - 0.49) * noise[:, j]
    arm = rng.integers(0, 2, subjects)
    y = 10.0 + 0.3 * arm[:, None] * np.arange(visits) + e * (1.0 + 0.1 * np.arange(visits))
    subject, visit = np.divmod(np.arange(subjects * visits), visits)
    frame = pd.DataFrame(
        {
            "y": np.round(y.ravel(), 4),
            "visit": visit + 1,
            "subject": subject,
            "arm": np.where(arm[subject] == 1, "b", "a"),
        }
    )
    return frame[rng.random(len(frame)) > 0.1].reset_index(drop=True)


def ours(case: str, data: pd.DataFrame) -> Any:
    """The public call of a case."""
    if case == "ovary_gls":
        return nw.gls(WAVE, data, residual="ar1(1 | Mare)")
    if case == "ovary_lme":
        return nw.lmer(f"{WAVE} + (1 | Mare)", data, residual="ar1(1 | Mare)")
    kind = "ar1" if case.startswith("ar1") else "us"
    return nw.gls(MEANS, data, residual=f"{kind}(visit | subject)")


def timed(case: str, data: pd.DataFrame, reps: int) -> list[Fit]:
    """Fits of ours, after one that is not counted."""
    out = []
    for r in range(reps + 1):
        begin = time.perf_counter()
        m = ours(case, data)
        seconds = time.perf_counter() - begin
        if r:
            out.append({"seconds": seconds, "loglik": m.loglik, "evaluations": m.n_evaluations})
    return out


def nlme(case: str, file: Path, reps: int) -> list[Fit]:
    """Fits of nlme; empty when it takes longer than `PATIENCE`."""
    command = ["Rscript", str(HERE / "structures.R"), case, str(file), str(reps)]
    try:
        run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return []
    return [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]


def main() -> None:
    """Time every case and print one line each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="a tenth of the subjects")
    parser.add_argument("--no-r", action="store_true", help="without nlme")
    parser.add_argument("--cases", nargs="*", help="these only; the others stay as they were")
    options = parser.parse_args()
    share = 10 if options.quick else 1
    cases: dict[str, tuple[pd.DataFrame, int, int]] = {
        "ovary_gls": (pd.read_csv(OVARY), 300, 40),
        "ovary_lme": (pd.read_csv(OVARY), 300, 40),
        "ar1": (trial(1000 // share, 10, 1), 20, 5),
        "us4": (trial(1000 // share, 4, 2), 20, 3),
        "us10": (trial(1000 // share, 10, 1), 20, 1),
        "ar1_big": (trial(100_000 // share, 8, 3), 5, 0),
        "us_big": (trial(100_000 // share, 8, 3), 5, 0),
    }
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for case, (data, reps, r_reps) in cases.items():
            if options.cases and case not in options.cases:
                continue
            file = Path(folder) / f"{case}.csv"
            data.to_csv(file, index=False)
            mine = timed(case, data, reps)
            theirs = nlme(case, file, r_reps) if r_reps and not options.no_r else []
            row = {
                "case": case,
                "rows": len(data),
                "nestwise_s": float(np.median([f["seconds"] for f in mine])),
                "nlme_s": float(np.median([f["seconds"] for f in theirs])) if theirs else None,
                "loglik": mine[0]["loglik"],
                "nlme_loglik": theirs[0]["loglik"] if theirs else None,
                "evaluations": mine[0]["evaluations"],
            }
            rows.append(row)
            ratio = "" if not theirs else f"  {row['nlme_s'] / row['nestwise_s']:8.0f} times"
            beside = "ours" if not r_reps else "-" if not theirs else f"{row['nlme_s']:.3f}"
            print(
                f"{case:10s} {len(data):8d} rows  nestwise {row['nestwise_s']:8.4f} s  "
                f"nlme {beside:>9s} s{ratio}  loglik {row['loglik']:.4f} "
                f"{row['nlme_loglik'] or ''}",
                flush=True,
            )
    if not options.quick and not options.no_r:
        known = {r["case"]: r for r in json.loads(OUT.read_text(encoding="utf-8"))}
        known.update({r["case"]: r for r in rows})
        rows = [known[case] for case in cases if case in known]
        OUT.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
