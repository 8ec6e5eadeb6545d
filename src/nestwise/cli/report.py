"""`nestwise report`: a page on one model for a file."""

from __future__ import annotations

import argparse
import shlex

from nestwise._base.output import check_free, write_whole
from nestwise.api.report import report_html
from nestwise.cli.data import add_data, read_data
from nestwise.cli.fit import add_model, converged, fit_model, numbers
from nestwise.cli.output import HOW, as_json
from nestwise.cli.progress import step


def add_report(parser: argparse.ArgumentParser) -> None:
    """Its arguments."""
    add_data(parser)
    add_model(parser)
    parser.add_argument("--title", help="the page's heading")
    parser.add_argument(
        "-o", "--out", metavar="FILE", default="report.html", help="the page (default: report.html)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace FILE when it exists")
    parser.add_argument("--json", action="store_true", help="print the numbers of the fit as JSON")


def run_report(options: argparse.Namespace) -> int:
    """Fit and write the page; nothing is written unless all of it is.

    Returns
    -------
    int
        1 when the optimum was not found, else 0.

    Raises
    ------
    NestwiseError
        When file, formula or options are not right, or the page exists.
    """
    file = check_free(options.out, options.overwrite, HOW)
    data = read_data(options)
    with step("Fitting"):
        model = fit_model(options, data)
    with step("Writing the report"):
        page = report_html(
            model,
            title=options.title,
            source=options.data if options.data != "-" else None,
            command=shlex.join(["nestwise", *options.words]),
            name=file.name,
        )
        write_whole(file, page, overwrite=options.overwrite, how=HOW)
    print(as_json({"report": str(file), **numbers(model)}) if options.json else f"wrote {file}")
    return 0 if converged(model) else 1


__all__ = ["add_report", "run_report"]
