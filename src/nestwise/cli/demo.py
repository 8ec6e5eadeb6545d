"""`nestwise demo`: from describing school data to the nested model, on bundled data."""

from __future__ import annotations

import argparse
import io
import sys
from functools import partial
from pathlib import Path
from typing import Any

import nestwise as nw
from nestwise._base.errors import MissingExtraError
from nestwise._base.output import write_whole
from nestwise.cli.describe import table_text
from nestwise.cli.output import as_json
from nestwise.cli.progress import step
from nestwise.cli.style import BOLD, painted

FORMULA = "math_gain ~ prior_math + ses + sex + intervention"
LEVELS = ("school", "classroom")
SHOWN = ("pooled", "random intercept (classroom)", "nested intercepts")


def add_demo(parser: argparse.ArgumentParser) -> None:
    """Its arguments."""
    parser.add_argument(
        "--out",
        metavar="DIR",
        default="demo-output",
        help="folder for plots and report; files of an earlier demo there are replaced "
        "(default: demo-output)",
    )
    parser.add_argument("--json", action="store_true", help="only the comparison, as JSON")


def run_demo(options: argparse.Namespace) -> int:
    """Print the whole demonstration and write plots and report to the folder ``options.out``."""
    schools = nw.load_dataset("schools")
    found = nw.compare_approaches(FORMULA, schools, groups=LEVELS)
    if options.json:
        print(as_json({"approaches": found.approaches, "estimates": found.table}))
        return 0
    _title("The data: 600 students in 40 classrooms of 5 schools (simulated)")
    measured = ["math_gain", "prior_math", "ses", "intervention"]
    print(table_text(nw.describe(schools, measured), 2))
    print("\nGain in mathematics by school:")
    print(table_text(nw.describe(schools, "math_gain", by="school"), 2))
    print(f"\n{nw.describe_levels(schools, LEVELS)}")
    for name in SHOWN:
        model = found.models[name]
        _title(f"{name.capitalize()}: {model.formula}")
        print(model.summary())
    _title("All approaches side by side; the intervention that was simulated has the effect 5")
    print(found)
    _title("A tutorial's null model: how much of the scores lies between classrooms?")
    tutorial = nw.load_dataset("hlm_tutorial")
    print(nw.lmer("math_score ~ 1 + (1 | classroom_id)", tutorial).summary())
    _title("Plots and report")
    with step("Drawing"):
        written = _write_plots(found.models[SHOWN[-1]], Path(options.out))
    for file, words in written:
        print(f"wrote {file}: {words}")
    return 0


def _title(text: str) -> None:
    print(f"\n{painted(text, BOLD, sys.stdout)}\n{'=' * len(text)}\n")


def _write_plots(model: Any, folder: Path) -> list[tuple[Path, str]]:
    folder.mkdir(parents=True, exist_ok=True)
    plots = (
        ("observed_vs_predicted.png", model.plot.observed_vs_predicted, "gain against prediction"),
        ("caterpillar.png", model.plot.caterpillar, "classrooms with their intervals"),
        ("variance_shares.png", model.plot.variance_shares, "where the variance lies"),
        ("pooling.png", partial(model.plot.pooling, "prior_math", "school"), "three ways to pool"),
    )
    written = []
    for name, draw, words in plots:
        stream = io.BytesIO()
        draw().figure.savefig(stream, dpi=150)
        written.append((write_whole(folder / name, stream.getvalue(), overwrite=True), words))
    try:
        page = model.report(folder / "report.html", overwrite=True)
        written.append((page, "all of the nested model on one page"))
    except MissingExtraError as problem:
        print(f"no report: {problem}")
    return written
