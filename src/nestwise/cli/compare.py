"""`nestwise compare`: the usual ways to treat groups, side by side."""

from __future__ import annotations

import argparse

import nestwise as nw
from nestwise.cli.data import add_data, read_data
from nestwise.cli.output import add_output, as_json, check_out, emit, remarks
from nestwise.cli.progress import step


def add_compare(parser: argparse.ArgumentParser) -> None:
    """Its arguments."""
    add_data(parser)
    parser.add_argument("formula", metavar="FORMULA", help='fixed part only: "gain ~ prior + sex"')
    parser.add_argument(
        "--groups",
        nargs="+",
        required=True,
        metavar="COLUMN",
        help="grouping columns from the outermost to the innermost",
    )
    parser.add_argument("--slopes", nargs="+", metavar="TERM", help="terms whose slopes vary")
    parser.add_argument("--weights", metavar="COLUMN", help="column of prior weights")
    add_output(parser, "the comparison")


def run_compare(options: argparse.Namespace) -> int:
    """Print or write the comparison of `nestwise.compare_approaches`.

    Raises
    ------
    NestwiseError
        When file, formula or groups are not right.
    """
    check_out(options)
    data = read_data(options)
    with step("Fitting each approach"):
        found = nw.compare_approaches(
            options.formula,
            data,
            groups=options.groups,
            slopes=options.slopes,
            weights=options.weights,
        )
    if options.json:
        text = as_json(
            {
                "reference": found.reference,
                "estimates": found.table,
                "approaches": found.approaches,
                "variances": found.variances,
                "slopes": found.slopes,
                "notes": remarks(found.notes),
            }
        )
    else:
        text = str(found)
    emit(text, options)
    return 0


__all__ = ["add_compare", "run_compare"]
