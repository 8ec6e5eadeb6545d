"""`nestwise describe`: descriptive statistics of a file, and its levels."""

from __future__ import annotations

import argparse

import pandas as pd

import nestwise as nw
from nestwise._base.errors import OptionError
from nestwise.cli.data import add_data, read_data
from nestwise.cli.output import add_output, as_json, check_out, emit, remarks
from nestwise.cli.progress import step


def add_describe(parser: argparse.ArgumentParser) -> None:
    """Its arguments."""
    add_data(parser)
    parser.add_argument("--columns", nargs="+", metavar="COLUMN", help="which to describe")
    parser.add_argument("--by", nargs="+", metavar="COLUMN", help="grouping columns")
    parser.add_argument(
        "--levels",
        nargs="+",
        metavar="COLUMN",
        help="grouping columns from the outermost to the innermost: sizes, balance, what varies "
        "where, missing values and nesting",
    )
    parser.add_argument("--digits", type=int, default=2, help="digits shown (default: 2)")
    add_output(parser, "a CSV file with all digits (or the text of --levels, or JSON)")


def run_describe(options: argparse.Namespace) -> int:
    """Print or write the table of `nestwise.describe`, or the page of `describe_levels`.

    Raises
    ------
    NestwiseError
        When file, columns or options are not right.
    """
    check_out(options)
    if options.levels and options.by:
        raise OptionError("--levels and --by ask different questions; give one of them")
    data = read_data(options)
    with step("Describing"):
        text = _levels(data, options) if options.levels else _columns(data, options)
    emit(text, options)
    return 0


def _columns(data: pd.DataFrame, options: argparse.Namespace) -> str:
    table = nw.describe(data, options.columns, options.by)
    if options.json:
        return as_json(table)
    if options.out:
        return str(table.to_csv(index=False)).rstrip("\n")
    return table_text(table, options.digits)


def _levels(data: pd.DataFrame, options: argparse.Namespace) -> str:
    found = nw.describe_levels(data, options.levels, columns=options.columns)
    if not options.json:
        return str(found)
    return as_json(
        {
            "sizes": found.sizes,
            "variables": found.variables,
            "missing": found.missing,
            "relations": found.relations,
            "diagnostics": remarks(found.diagnostics),
        }
    )


def table_text(table: pd.DataFrame, digits: int) -> str:
    """A table as text with a fixed number of digits, and no row names.

    Examples
    --------
    >>> print(table_text(pd.DataFrame({"x": [1.234]}), 2))
       x
    1.23
    """
    return table.to_string(index=False, float_format=lambda v: f"{v:.{max(digits, 0)}f}")


__all__ = ["add_describe", "run_describe", "table_text"]
