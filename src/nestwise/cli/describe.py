"""`nestwise describe`: descriptive statistics of a file."""

from __future__ import annotations

import argparse

import pandas as pd

import nestwise as nw
from nestwise.workflow.files import read_table


def run_describe(options: argparse.Namespace) -> None:
    """Print or write the table of `nestwise.describe`.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "a.csv"
    >>> _ = file.write_text("x\\n1\\n3\\n")
    >>> known = {"columns": None, "by": None, "out": None, "digits": 1}
    >>> run_describe(argparse.Namespace(data=str(file), **known))
    variable  n  mean  sd  median ...
           x  2   2.0 1.4     2.0 ...
    """
    table = nw.describe(read_table(options.data), options.columns, options.by)
    if options.out:
        table.to_csv(options.out, index=False)
        print(f"wrote {options.out}")
    else:
        print(table_text(table, options.digits))


def table_text(table: pd.DataFrame, digits: int) -> str:
    """A table as text with a fixed number of digits, and no row names.

    Examples
    --------
    >>> print(table_text(pd.DataFrame({"x": [1.234]}), 2))
       x
    1.23
    """
    return table.to_string(index=False, float_format=lambda v: f"{v:.{max(digits, 0)}f}")
