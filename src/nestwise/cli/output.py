"""Results to the screen or into a file, as text or as JSON."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from nestwise._base.output import check_free, write_whole

HOW = "--overwrite"


def add_output(parser: argparse.ArgumentParser, what: str) -> None:
    """The options of all commands that print or write one result."""
    parser.add_argument("--json", action="store_true", help="numbers as JSON")
    parser.add_argument("-o", "--out", metavar="FILE", help=f"write {what} there")
    parser.add_argument("--overwrite", action="store_true", help="replace FILE when it exists")


def check_out(options: argparse.Namespace) -> None:
    """Refuse an output that exists before any work is done.

    Raises
    ------
    OptionError
        When it exists and ``--overwrite`` is not given.
    """
    if options.out:
        check_free(options.out, options.overwrite, HOW)


def emit(text: str, options: argparse.Namespace) -> None:
    """Print a result, or write it wholly into the file that was asked for.

    Raises
    ------
    OptionError
        When the file exists.

    Examples
    --------
    >>> emit("done", argparse.Namespace(out=None))
    done
    """
    if options.out:
        write_whole(options.out, text + "\n", overwrite=options.overwrite, how=HOW)
        print(f"wrote {options.out}")
    else:
        print(text)


def as_json(content: Any) -> str:
    """JSON of plain values, tables as lists of rows; NaN and infinity become null.

    Examples
    --------
    >>> print(as_json({"x": np.float64("nan"), "t": pd.DataFrame({"a": [1]})}))
    {
      "x": null,
      "t": [
        {
          "a": 1
        }
      ]
    }
    """
    return json.dumps(plain(content), indent=2, ensure_ascii=False, allow_nan=False)


def plain(value: Any) -> Any:
    """A value as JSON can say it."""
    if isinstance(value, pd.DataFrame):
        return [{str(k): plain(v) for k, v in row.items()} for row in value.to_dict("records")]
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(v) for v in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    return None if value is pd.NA or value is pd.NaT else str(value)


def remarks(diagnostics: Any) -> list[dict[str, str]]:
    """Diagnostics as rows.

    Examples
    --------
    >>> remarks(())
    []
    """
    return [{"code": d.code, "message": d.message, "advice": d.advice} for d in diagnostics]


__all__ = ["add_output", "as_json", "check_out", "emit", "plain", "remarks"]
