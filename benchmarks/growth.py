"""How seconds grow with rows and with levels, ours and lme4's: a figure and its numbers.

python benchmarks/growth.py [--out docs/figures] [--quick] [--draw]

Writes growth.json and growth.png; `--draw` only draws what was measured. lme4 (calc.derivs=FALSE)
is asked for the sizes at which it is expected to stay below half a minute. One thread for all.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
BLUE, ORANGE = "#0072B2", "#D55E00"
PATIENCE = 30.0
"""Seconds that a fit may take at most."""

FORMULAS = {
    "nested": "y ~ x + (x | g) + (1 | h)",
    "crossed": "y ~ x + (1 | g) + (1 | h)",
}
WORDS = {
    "nested": "nested: (x | g) + (1 | h), h in g",
    "crossed": "crossed: (1 | g) + (1 | h)",
}


@dataclass(frozen=True, slots=True)
class Size:
    """One point: panel, structure, rows, levels of all factors together."""

    panel: str
    structure: str
    rows: int
    levels: int


def make(size: Size, seed: int = 20261125) -> pd.DataFrame:
    """Data of a size: ten classes in each school, or four levels of g for each of h."""
    r = np.random.default_rng(seed)
    n, x = size.rows, r.normal(size=size.rows)
    if size.structure == "nested":
        inner = max(20, size.levels * 10 // 11)
        h = np.sort(np.arange(n) % inner)
        g = h // 10
    else:
        inner = max(4, size.levels // 5)
        h, g = r.integers(0, inner, n), r.integers(0, size.levels - inner, n)
    u, v = r.normal(size=(int(g.max()) + 1, 2)) * 0.5, r.normal(size=int(h.max()) + 1) * 0.5
    slope = u[g, 1] if size.structure == "nested" else 0.0
    y = 1 + (0.5 + slope) * x + u[g, 0] + v[h] + r.normal(size=n)
    return pd.DataFrame({"y": y, "x": x, "g": g, "h": h})


def sizes(quick: bool) -> Iterator[Size]:
    """Rows with a level for ten rows; levels at a constant number of rows."""
    top, fixed = (1e5, 20_000) if quick else (1e6, 50_000)
    for n in np.geomspace(1e3, top, 7).round(-2).astype(int).tolist():
        yield Size("rows", "nested", n, n // 10)
    for structure, most in (("nested", fixed // 2), ("crossed", 12_500)):
        for levels in np.geomspace(50, min(most, fixed // 4), 7).astype(int).tolist():
            yield Size("levels", structure, fixed, levels)


def ours(size: Size, data: pd.DataFrame) -> dict[str, Any]:
    """Least seconds of the whole call, after one to warm up when it is short."""
    import nestwise as nw

    seconds: list[float] = []
    while len(seconds) < 2 or (sum(seconds) < 1.0 and len(seconds) < 15):
        begin = time.perf_counter()
        fit = nw.lmer(FORMULAS[size.structure], data)
        seconds.append(time.perf_counter() - begin)
        if sum(seconds) > PATIENCE:
            break
    return {"seconds": min(seconds), "evaluations": fit.n_evaluations}


def lme4(size: Size, data: pd.DataFrame, folder: Path) -> float | None:
    """Seconds of lme4's call, None when it took too long or is not there."""
    path = folder / "data.csv"
    data.to_csv(path, index=False, float_format="%.17g")
    try:
        done = subprocess.run(
            ["Rscript", str(HERE / "growth.R"), str(path), FORMULAS[size.structure]],
            capture_output=True,
            text=True,
            check=False,
            timeout=2 * PATIENCE,
        )
    except subprocess.TimeoutExpired:
        return None
    if done.returncode:
        print(done.stderr[-1000:], file=sys.stderr)
        return None
    return float(done.stdout.split()[-1])


def measure(quick: bool) -> list[dict[str, Any]]:
    """All points, in one run."""
    rows: list[dict[str, Any]] = []
    ahead = shutil.which("Rscript") is not None
    asked: dict[tuple[str, str], bool] = {}
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes(quick):
            data, series = make(size), (size.panel, size.structure)
            row: dict[str, Any] = {
                "panel": size.panel,
                "structure": size.structure,
                "rows": size.rows,
                "levels": int(data["g"].nunique() + data["h"].nunique()),
                **ours(size, data),
            }
            if asked.get(series, ahead):
                row["lme4"] = lme4(size, data, Path(folder))
                # More rows take longer, more levels need not.
                most = PATIENCE / 3 if size.panel == "rows" else PATIENCE / 2
                asked[series] = row["lme4"] is not None and row["lme4"] < most
            rows.append(row)
            print(json.dumps(row), file=sys.stderr, flush=True)
    return rows


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Two panels on log axes: colour is structure, filled is ours, open and dashed is lme4."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(9.6, 4.4), sharey=True, layout="constrained")
    fixed = next(r["rows"] for r in rows if r["panel"] == "levels")
    titles = {"rows": "one level for ten rows", "levels": f"{fixed:,} rows"}
    for axis, (panel, title) in zip(axes, titles.items(), strict=True):
        for structure, color in (("nested", BLUE), ("crossed", ORANGE)):
            points = [r for r in rows if (r["panel"], r["structure"]) == (panel, structure)]
            if not points:
                continue
            label = WORDS[structure]
            axis.plot(
                [r[panel] for r in points],
                [r["seconds"] for r in points],
                "o-" if structure == "nested" else "s-",
                color=color,
                label=f"nestwise, {label}",
            )
            known = [r for r in points if r.get("lme4")]
            if known:
                axis.plot(
                    [r[panel] for r in known],
                    [r["lme4"] for r in known],
                    "o--" if structure == "nested" else "s--",
                    color=color,
                    markerfacecolor="white",
                    label=f"lme4, {label}",
                )
        axis.set(xscale="log", yscale="log", title=title, xlabel=panel)
        axis.grid(True, which="major", color="0.85")
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("seconds of the whole call")
    handles, labels = axes[1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
    figure.savefig(path, dpi=150)
    pyplot.close(figure)


def main() -> None:
    """Measure and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE.parent / "docs" / "figures")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--draw", action="store_true")
    options = parser.parse_args()
    if os.environ.get("OMP_NUM_THREADS") != "1" and not options.draw:
        # The threads of linear algebra are counted when it is loaded: start again with one.
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **ONE_THREAD})
    options.out.mkdir(parents=True, exist_ok=True)
    numbers = options.out / "growth.json"
    if not options.draw:
        numbers.write_text(json.dumps(measure(options.quick), indent=1))
    draw(json.loads(numbers.read_text()), options.out / "growth.png")


if __name__ == "__main__":
    main()
