"""The command `nestwise`: arguments in, text out, errors as one line and exit code 2."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from importlib.metadata import version

from nestwise._base.errors import NestwiseError
from nestwise.cli.demo import run_demo
from nestwise.cli.describe import run_describe
from nestwise.cli.fit import run_fit

_DATA = "CSV, Parquet, Arrow/Feather, Stata .dta, SPSS .sav, Excel .xlsx, or - for standard input"
_COMMANDS = {"demo": run_demo, "fit": run_fit, "describe": run_describe}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : sequence of str, optional
        The words after the program's name; those of the process when not given.

    Returns
    -------
    int
        Exit code: 0, or 2 when the input is not right (the reason is on standard error).

    Examples
    --------
    >>> main(["fit", "no.csv", "y ~ x"])
    2
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that cannot show a sign shows a question mark, and the run goes on.
        sys.stdout.reconfigure(errors="replace")
    options = _parser().parse_args(arguments)
    try:
        _COMMANDS[options.command](options)
        sys.stdout.flush()
    except NestwiseError as problem:
        print(f"nestwise: {problem}", file=sys.stderr)
        return 2
    except OSError as problem:
        if isinstance(problem, BrokenPipeError):
            # The reader, such as `head`, has seen enough; nothing may be written any more.
            sys.stdout = io.StringIO()
            return 0
        print(f"nestwise: {problem.strerror}: {problem.filename!r}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nestwise", description="Hierarchical (mixed-effects) models from the command line."
    )
    parser.add_argument("--version", action="version", version=f"nestwise {version('nestwise')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    demo = commands.add_parser("demo", help="fit naive and multilevel models to bundled data")
    demo.add_argument("--out", metavar="DIR", default="demo-output", help="folder for the plots")
    _add_fit(commands.add_parser("fit", help="fit a model to a file"))
    _add_describe(commands.add_parser("describe", help="describe the columns of a file"))
    return parser


def _add_fit(fit: argparse.ArgumentParser) -> None:
    fit.add_argument("data", metavar="DATA", help=_DATA)
    fit.add_argument("formula", metavar="FORMULA", help='for instance "y ~ x + (1 + x | group)"')
    fit.add_argument("--ml", action="store_true", help="maximum likelihood instead of REML")
    fit.add_argument(
        "--family",
        choices=["gaussian"],
        default="gaussian",
        help="distribution of the response (default: gaussian)",
    )
    fit.add_argument("--weights", metavar="COLUMN", help="column of prior weights")
    fit.add_argument("--json", action="store_true", help="numbers as JSON instead of a summary")
    fit.add_argument("--out", metavar="FILE", help="write there instead of to the screen")


def _add_describe(describe: argparse.ArgumentParser) -> None:
    describe.add_argument("data", metavar="DATA", help=_DATA)
    describe.add_argument("--columns", nargs="+", metavar="COLUMN", help="which to describe")
    describe.add_argument("--by", nargs="+", metavar="COLUMN", help="grouping columns")
    describe.add_argument("--digits", type=int, default=2, help="digits shown (default: 2)")
    describe.add_argument("--out", metavar="FILE", help="write a CSV file with all digits")
