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
from nestwise.cli.approaches import PREDICTORS, Approach, compare, fit_approaches
from nestwise.cli.describe import table_text
from nestwise.cli.output import as_json
from nestwise.cli.progress import step
from nestwise.cli.style import BOLD, painted

_SHOWN = ["pooled", "aggregated", "random intercept", "nested"]


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
    if options.json:
        print(as_json({"approaches": compare(fit_approaches(nw.load_dataset("schools")))}))
        return 0
    schools = nw.load_dataset("schools")
    _title("The data: 600 students in 40 classrooms of 5 schools (simulated)")
    measured = ["math_gain", "prior_math", "ses", "intervention"]
    print(table_text(nw.describe(schools, measured), 2))
    print("\nGain in mathematics by school:")
    print(table_text(nw.describe(schools, "math_gain", by="school"), 2))
    approaches = fit_approaches(schools)
    for approach in approaches:
        _title(f"{approach.name.capitalize()}: {approach.words}")
        print(_summary_of(approach))
    _title("What differs")
    print(table_text(compare(approaches), 3))
    print("\n" + "\n".join(_differences({a.name: a.model for a in approaches})))
    _title("A tutorial's null model: how much of the scores lies between classrooms?")
    tutorial = nw.load_dataset("hlm_tutorial")
    print(nw.lmer("math_score ~ 1 + (1 | classroom_id)", tutorial).summary())
    _title("Plots and report")
    with step("Drawing"):
        written = _write_plots(approaches[-1].model, Path(options.out))
    for file, words in written:
        print(f"wrote {file}: {words}")
    return 0


def _title(text: str) -> None:
    print(f"\n{painted(text, BOLD, sys.stdout)}\n{'=' * len(text)}\n")


def _summary_of(approach: Approach) -> str:
    if approach.name in _SHOWN:
        return str(approach.model.summary())
    # Its summary has a line for every classroom; these are the lines to compare.
    table = approach.model.tidy()
    wanted = ["(Intercept)", "prior_math", "ses", "sexMale", "intervention"]
    rest = len(table) - len(wanted)
    shown = table_text(table[table["term"].isin(wanted)], 4)
    return f"math_gain ~ {PREDICTORS} + classroom\n\n{shown}\n\n... and {rest} classrooms"


def _differences(model: dict[str, Any]) -> list[str]:
    """What the table says, in words, with its numbers."""
    pooled, nested, rooms = model["pooled"], model["nested"], model["aggregated"]
    sd = nested.tidy("ran_pars").set_index("group")["estimate"]
    between = sd["school"] ** 2 + sd["classroom:school"] ** 2
    share = between / (between + nested.sigma**2)
    intercept_df = nested.tidy().set_index("term").loc["(Intercept)", "df"]
    treated = "intervention"
    return [
        f"- {100 * share:.0f} % of the variance that the predictors leave lies between groups:",
        f"  sd {sd['school']:.2f} between schools, {sd['classroom:school']:.2f} between classrooms "
        f"of a school, {nested.sigma:.2f} between students.",
        f"- The pooled model puts all of it into one residual (sd {pooled.sigma:.2f}) and takes "
        f"{pooled.nobs} students",
        f"  for independent: its intercept has SE {pooled.bse['(Intercept)']:.2f} on "
        f"{pooled.df_resid} df, the nested model's {nested.bse['(Intercept)']:.2f} on "
        f"{intercept_df:.1f} df.",
        f"- Averaging leaves {rooms.nobs} rows: the intervention is estimated as "
        f"{rooms.params[treated]:.2f} (SE {rooms.bse[treated]:.2f}),",
        f"  by the nested model as {nested.params[treated]:.2f} (SE {nested.bse[treated]:.2f}); "
        "simulated was 5.",
        f"- Classrooms as a factor cost {len(model['factor'].params)} coefficients and can say "
        "nothing of a new classroom or of schools.",
    ]


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
