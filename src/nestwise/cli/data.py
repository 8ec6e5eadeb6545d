"""The DATA argument of the commands and the options on how to read it."""

from __future__ import annotations

import argparse

import pandas as pd

from nestwise.cli.progress import step
from nestwise.workflow.files import read_table

DATA = "CSV, Parquet, Arrow/Feather, Stata .dta, SPSS .sav, Excel .xlsx, or - for standard input"


def add_data(parser: argparse.ArgumentParser) -> None:
    """DATA, and what helps to read it."""
    parser.add_argument("data", metavar="DATA", help=DATA)
    reading = parser.add_argument_group("reading DATA")
    reading.add_argument("--separator", metavar="SIGN", help="of text files (default: found out)")
    reading.add_argument("--decimal", choices=[".", ","], help="of text files (default: found out)")
    reading.add_argument("--encoding", default="utf-8", help="of text files (default: utf-8)")
    reading.add_argument("--sheet", metavar="NAME", help="of an Excel file (default: the first)")


def read_data(options: argparse.Namespace) -> pd.DataFrame:
    """Read what DATA names.

    Raises
    ------
    NestwiseError
        When it cannot be read; the message says why.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "a.csv"
    >>> _ = file.write_text("x;y\\n1,5;2\\n")
    >>> options = argparse.Namespace(
    ...     data=str(file), separator=None, decimal=None, encoding="utf-8", sheet=None)
    >>> read_data(options)["x"].tolist()
    [1.5]
    """
    with step(f"Reading {options.data}"):
        return read_table(
            options.data,
            separator=options.separator,
            decimal=options.decimal,
            encoding=options.encoding,
            sheet=options.sheet,
        )


__all__ = ["DATA", "add_data", "read_data"]
