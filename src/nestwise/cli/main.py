"""The command `nestwise`: arguments in, text out, errors as one line and an exit code."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version

from nestwise._base.errors import MissingExtraError, NestwiseError
from nestwise.cli.compare import add_compare, run_compare
from nestwise.cli.demo import add_demo, run_demo
from nestwise.cli.describe import add_describe, run_describe
from nestwise.cli.fit import add_fit, run_fit
from nestwise.cli.power import add_power, run_power
from nestwise.cli.report import add_report, run_report
from nestwise.cli.style import RED, painted

OK, NOT_CONVERGED, WRONG_INPUT, MISSING_EXTRA, INTERRUPTED = 0, 1, 2, 3, 130

_EXITS = """exit codes:
  0    all went well
  1    the result was printed or written, but the optimum was not found
  2    the words, the data or the output are not right; the reason is on standard error
  3    a library is missing; the reason names what to install
  130  interrupted

Colours are for terminals only, and off where NO_COLOR is set."""

Command = tuple[str, Callable[[argparse.ArgumentParser], None], Callable[[argparse.Namespace], int]]
_COMMANDS: dict[str, Command] = {
    "demo": ("fit naive and multilevel models to bundled data", add_demo, run_demo),
    "describe": ("describe the columns and levels of a file", add_describe, run_describe),
    "fit": ("fit a model to a file", add_fit, run_fit),
    "compare": ("compare the usual ways to treat groups", add_compare, run_compare),
    "power": ("how often a study would find an effect", add_power, run_power),
    "report": ("write a page on one model for a file", add_report, run_report),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : sequence of str, optional
        The words after the program's name; those of the process when not given.

    Returns
    -------
    int
        Exit code: 0; 1 when the optimum was not found; 2 when the input is not right (the reason
        is on standard error); 3 when a library is missing; 130 when interrupted.

    Examples
    --------
    >>> main(["fit", "no.csv", "y ~ x"])
    2
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that cannot show a sign shows a question mark, and the run goes on.
        sys.stdout.reconfigure(errors="replace")
    words = sys.argv[1:] if arguments is None else list(arguments)
    options = _parser().parse_args(words)
    options.words = words
    try:
        code = _COMMANDS[options.command][2](options)
        sys.stdout.flush()
    except NestwiseError as problem:
        _complain(str(problem))
        return MISSING_EXTRA if isinstance(problem, MissingExtraError) else WRONG_INPUT
    except KeyboardInterrupt:
        _complain("interrupted; nothing was written")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader, such as `head`, has seen enough; nothing may be written any more.
        sys.stdout = io.StringIO()
        return OK
    except OSError as problem:
        _complain(f"{problem.strerror}: {problem.filename!r}")
        return WRONG_INPUT
    return code


def _complain(words: str) -> None:
    print(f"{painted('nestwise:', RED, sys.stderr)} {words}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nestwise",
        description="Hierarchical (mixed-effects) models from the command line.",
        epilog=_EXITS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"nestwise {version('nestwise')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (words, add, _) in _COMMANDS.items():
        add(commands.add_parser(name, help=words, description=f"{words[0].upper()}{words[1:]}."))
    return parser


__all__ = ["main"]
