"""Write docs/benchmarks.md from what was measured; with --run, measure first.

python benchmarks/report.py                                   # from the files in docs/figures
python benchmarks/report.py --run --peers-python PATH         # everything, about half an hour

Results: docs/figures/speed.json, speed_glmm.json, resampling.json, structures.json, growth.json and
.png, verdicts.md, glmm_verdicts.md, machine.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cases import CASES
from speed import ENGINES, PEERS, table

HERE = Path(__file__).parent
DOCS = HERE.parent / "docs"
FIGURES = DOCS / "figures"

GOALS = {
    "sleepstudy": 10,
    "exam": 15,
    "insteval": 15,
    "insteval_summary": 50,
    "maximal20": 50,
    "nested1e6": 100,
    "crossed1e6": 12,
    "pairs": 50,
    "cbpp": 10,
    "verbagg": 40,
    "bernoulli2e5": 100,
    "bernoulli2e5_agq10": 100,
}
"""How many times faster than tuned lme4 a case shall be."""

REFIT = ("refit Exam", 100)
"""The task of resampling.py with a goal."""


def _r(expression: str) -> str:
    done = subprocess.run(
        ["Rscript", "-e", expression], capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


def machine(peers: str) -> dict[str, str]:
    """Processor, systems and versions."""
    cpu = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    out = {
        "processor": f"{cpu}, {os.cpu_count()} cores",
        "system": platform.system(),
        "Python": platform.python_version(),
        **{name: version(name) for name in ("nestwise", "numpy", "scipy", "pandas")},
    }
    if shutil.which("Rscript"):
        out["R"] = _r("cat(as.character(getRversion()))")
        for name in ("lme4", "lmerTest", "pbkrtest", "glmmTMB"):
            out[name] = _r(f"cat(as.character(packageVersion('{name}')))")
    if peers:
        code = "import sys; from importlib.metadata import version as v; "
        code += "print(*(f'{n}={v(n)}' for n in sys.argv[1:]))"
        done = subprocess.run([peers, "-c", code, *PEERS], capture_output=True, text=True)
        out |= dict(pair.split("=") for pair in done.stdout.split())
    return out


def run(peers: str, verdicts: int, limit: float) -> None:
    """Measure everything, one after the other."""
    FIGURES.mkdir(parents=True, exist_ok=True)
    (FIGURES / "machine.json").write_text(json.dumps(machine(peers), indent=1))
    threads = f"nestwise,nestwise{os.cpu_count() or 2}"
    engines = ",".join([threads, *ENGINES[1:], *(PEERS if peers else ())])
    for name, generalised in (("speed.json", False), ("speed_glmm.json", True)):
        cases = [c for c, k in CASES.items() if (k.family != "gaussian") == generalised]
        speed = ["--cases", ",".join(cases), "--engines", engines, "--limit", str(limit)]
        speed += ["--json", str(FIGURES / name)]
        _call("speed.py", *speed, *(["--peers-python", peers] if peers else []))
    if shutil.which("Rscript"):
        _call("resampling.py", "--json", str(FIGURES / "resampling.json"))
        _call("structures.py")
    _call("growth.py", "--out", str(FIGURES))
    with tempfile.TemporaryDirectory() as folder:
        out = ["--out", str(Path(folder) / "verdicts.jsonl")]
        many = ["--n", str(verdicts), "--seconds", "0.3", "--table", str(FIGURES / "verdicts.md")]
        _call("verdicts.py", *many, *out)
        out = ["--out", str(Path(folder) / "glmm_verdicts.jsonl")]
        many = ["--n", str(verdicts), "--seconds", "0.3"]
        many += ["--table", str(FIGURES / "glmm_verdicts.md")]
        _call("glmm_verdicts.py", *many, *out)


def _call(script: str, *arguments: str) -> None:
    print(f"{script} {' '.join(arguments)}", file=sys.stderr)
    subprocess.run([sys.executable, str(HERE / script), *arguments], check=True)


def _read(name: str) -> Any:
    path = FIGURES / name
    if not path.exists():
        return None
    return json.loads(path.read_text(encoding="utf-8"))


def goals(speed: list[dict[str, Any]], resampling: list[dict[str, Any]] | None) -> str:
    """What was asked for, and what was reached."""
    lines = ["| case | asked for | reached |", "|---|---:|---:|"]
    for r in speed:
        ours, tuned = r.get("nestwise", {}), r.get("lme4tuned", {})
        if r["case"] not in GOALS or "seconds" not in ours:
            continue
        reached = f"{tuned['seconds'] / ours['seconds']:.0f}" if "seconds" in tuned else "-"
        lines.append(f"| {r['case']} | {GOALS[r['case']]} | {reached} |")
    for r in resampling or []:
        if r["task"] == REFIT[0]:
            lines.append(f"| {r['task']} | {REFIT[1]} | {r['r'] / r['nestwise']:.0f} |")
    return "\n".join(lines)


def formulas(speed: list[dict[str, Any]]) -> str:
    """The model of each case."""
    lines = ["| case | model | criterion |", "|---|---|---|"]
    for r in speed:
        model = r["formula"].replace("|", "\\|")
        lines.append(f"| {r['case']} | `{model}` | {criterion(r['case'], r['reml'])} |")
    return "\n".join(lines)


def criterion(name: str, reml: bool) -> str:
    """What is minimised."""
    case = CASES.get(name)
    if case is None or case.family == "gaussian":
        return "REML" if reml else "ML"
    return f"{case.family}, " + ("Laplace" if case.n_agq == 1 else f"nAGQ = {case.n_agq}")


def resampled(rows: list[dict[str, Any]]) -> str:
    """Profiles and bootstraps beside R's."""
    lines = ["| task | nestwise, s | R, s | times ours |", "|---|---:|---:|---:|"]
    for r in rows:
        ratio = r["r"] / r["nestwise"]
        lines.append(f"| {r['task']} | {r['nestwise']:.4g} | {r['r']:.4g} | {ratio:.0f} |")
    return "\n".join(lines)


INTRODUCTION = """# Benchmarks

Everything here is written by one command, on a quiet machine:

```
python -m venv peers && peers/bin/pip install -r benchmarks/peers-requirements.txt
python benchmarks/report.py --run --peers-python peers/bin/python
```

`--peers-python` may be left out, and R may be absent: their rows are then missing. The parts can
be run alone: `benchmarks/speed.py`, `resampling.py`, `growth.py`, `verdicts.py`,
`glmm_verdicts.py`; each says how in its first lines. Simulated data are seeded
(`benchmarks/make_data.py`). The generalised models alone:

```
python benchmarks/speed.py --peers-python peers/bin/python --limit 300 \\
  --cases cbpp,cbpp_agq25,verbagg,bernoulli2e5,bernoulli2e5_agq10,bernoulli1e6,counts1e5 \\
  --json docs/figures/speed_glmm.json
python benchmarks/glmm_verdicts.py --n 1000 --seconds 0.3 --table docs/figures/glmm_verdicts.md
python benchmarks/report.py
```
"""

SPEED = """## Speed and memory

Seconds are the median of whole public calls, from data frame to fit, after one that is not
counted (where a fit is so slow that it is made once, that one counts; nestwise always has one that
does not). Garbage is collected before fits that take long. For `insteval_summary` seconds are
those from the fit to the text of its summary with Satterthwaite's degrees of freedom. Memory is
the peak resident size less what was resident before the first fit, when the data were there. One
thread for every engine; `nestwise2` and the like: with so many. `lme4tuned` is lme4 with
`calc.derivs = FALSE`, which leaves out its check of convergence; nestwise does not leave out its
own; for generalised models `lme4tuned` also has `optimizer = "nloptwrap"`. The criterion of all
engines is -2 log-likelihood (REML or ML); a remark says where it is of
another kind, or more than 1e-4 above the best. Other packages get the data in the form they like
best, made before the clock starts.
"""


BOUNDS = """What bounds the cases that come near:

- **Smallest models.** More than half of the 0.30 ms of sleepstudy reads formula and table, an
  eighth is the exact Hessian on which the verdict rests. glmm (all in Rust, columns of numbers)
  takes 0.32 ms there, 0.66 on cbpp where nestwise takes 0.55; gpboost takes 0.68 on cbpp and 0.90
  on bacteria (nestwise 0.89) and ends slightly above the optimum of both.
- **Bernoulli, 200,000 rows.** 107 times tuned glmer (which ends 0.15 above the optimum) with
  Laplace's approximation, 118 times with ten points. Three evaluations with the exact Hessian,
  five with ten points, in vector lanes with our own exponential; the rest reads the table, fits a
  sample of the groups and checks the answer.
- **A million nested rows.** A quarter of the 0.15 s is the exact Hessian (four more gradients of
  9 ms); reading the rows into cross-products takes 30 ms, three evaluations 45.
- **AR(1) on Ovary.** 20 times nlme's `gls` and 38 times its `lme`; other runs gave 18 to 20 and
  33 to 46, since nlme's own milliseconds vary. Of our 0.26 ms an evaluation takes 4 microseconds;
  formula and table take more than half.
- **Crossed, a million rows.** Tuned lme4 took 2,518 s for 34 evaluations (one run), nestwise 5.4
  s, with two threads 3.9.
- **InstEval, crossed.** Nearly all is dense factors of order 1,158 and their inverses, by BLAS on
  one thread: one or two on the way down ([ADR 12](adr/0012-gradients-from-random-signs.md)), and
  four for the exact Hessian ([ADR 14](adr/0014-the-hessian-has-the-last-word.md)), which is half
  of the time. The summary with Satterthwaite's degrees of freedom then needs nothing more: fit
  and summary together are 50 times as fast as lme4's 8.1 s and lmerTest's 12.8 s.
"""


STRUCTURED = {
    "ovary_gls": "Ovary, `gls`, AR(1) within mare",
    "ovary_lme": "Ovary, intercept by mare and AR(1)",
    "ar1": "1,000 subjects, 10 visits, AR(1)",
    "us4": "1,000 subjects, 4 visits, unstructured",
    "us10": "1,000 subjects, 10 visits, unstructured",
    "ar1_big": "100,000 subjects, 8 visits, AR(1)",
    "us_big": "100,000 subjects, 8 visits, unstructured",
}


def structures(rows: list[dict[str, Any]]) -> str:
    """Structured residuals beside nlme, made by structures.py."""
    lines = ["| model | rows | nestwise, s | nlme, s | times ours | log-likelihood | nlme's |"]
    lines.append("|---|---:|---:|---:|---:|---:|---:|")
    for r in rows:
        theirs, times, loglik = "-", "-", "-"
        if r["nlme_s"] is not None:
            theirs, times = f"{r['nlme_s']:.4g}", f"{r['nlme_s'] / r['nestwise_s']:.0f}"
            loglik = f"{r['nlme_loglik']:.6f}"
        shown = f"{STRUCTURED[r['case']]} | {r['rows']} | {r['nestwise_s']:.4g} | {theirs}"
        lines.append(f"| {shown} | {times} | {r['loglik']:.6f} | {loglik} |")
    return "\n".join(lines)


def page() -> str:
    """The text of docs/benchmarks.md from the files at hand."""
    speed = [*(_read("speed.json") or []), *(_read("speed_glmm.json") or [])]
    resampling = _read("resampling.json")
    parts = [INTRODUCTION]
    if (known := _read("machine.json")) is not None:
        parts.append("Measured with " + ", ".join(f"{k} {v}" for k, v in known.items()) + ".\n")
    if speed:
        engines = list(dict.fromkeys(e for r in speed for e in r if isinstance(r[e], dict)))
        parts += [SPEED, formulas(speed), "", table(speed, engines), ""]
        parts += ["Times as fast as tuned lme4:\n", goals(speed, resampling), "", BOUNDS]
    if (residuals := _read("structures.json")) is not None:
        parts += ["## Structured residuals beside nlme\n", structures(residuals), ""]
    if resampling:
        parts += ["## Profiles and bootstraps\n", resampled(resampling), ""]
    if (FIGURES / "growth.png").exists():
        parts.append(
            "## How the cost grows\n\n![Seconds against rows and against levels, on log axes]"
            "(figures/growth.png)\n\nNumbers: [growth.json](figures/growth.json). Nested designs "
            "cost in proportion to rows and levels. Crossed ones cost the cube of the number of "
            "levels that are left after the largest factor is eliminated, where these are crossed "
            "densely.\n"
        )
    verdicts = FIGURES / "verdicts.md"
    if verdicts.exists():
        parts.append(
            "## Does the verdict hold?\n\nRandom models, most of them hard (zero variances, "
            "correlations near one, few levels, nearly confounded factors, slopes that cannot "
            "be identified, extreme weights), each compared with a search that uses the criterion "
            "only (`benchmarks/verdicts.py`). Seeds name the models that failed.\n"
        )
        parts.append(verdicts.read_text(encoding="utf-8"))
    generalised = FIGURES / "glmm_verdicts.md"
    if generalised.exists():
        parts.append(
            "## Does it hold for generalised models?\n\nRandom models of eight families and six "
            "links, most of them hard (tiny groups, levels without events, separated responses, "
            "zero and large variances), each compared with L-BFGS-B from many places and with the "
            "dense twin of the criterion (`benchmarks/glmm_verdicts.py`). Where densities are not "
            "log-concave in the predictor (cauchit, inverse Gaussian with a log link) conditional "
            "modes can jump, and the criterion with them.\n"
        )
        parts.append(generalised.read_text(encoding="utf-8"))
    return "\n".join(parts)


def main() -> None:
    """Measure if asked, and write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", action="store_true")
    parser.add_argument("--peers-python", default="")
    parser.add_argument("--verdicts", type=int, default=2000)
    parser.add_argument("--limit", type=float, default=300.0)
    options = parser.parse_args()
    if options.run:
        run(options.peers_python, options.verdicts, options.limit)
    (DOCS / "benchmarks.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
