"""`nestwise power`: how often a study would find an effect."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import nestwise as nw
from nestwise._base.errors import OptionError
from nestwise.cli.data import add_data, read_data
from nestwise.cli.output import add_output, as_json, check_out, emit
from nestwise.cli.progress import step, watched
from nestwise.workflow.power import TESTS


def add_power(parser: argparse.ArgumentParser) -> None:
    """Its arguments."""
    add_data(parser)
    parser.add_argument("formula", metavar="FORMULA", help='for instance "y ~ x + (1 | group)"')
    parser.add_argument("--term", required=True, help="the coefficient that is tested")
    parser.add_argument(
        "--params",
        metavar="FILE",
        help="JSON with fixef, sd, cor, sigma: the truth; by default the estimates from DATA",
    )
    parser.add_argument("--family", default="gaussian", help="of the responses")
    parser.add_argument("--effect", nargs="+", type=float, help="true values of the coefficient")
    parser.add_argument("--n-groups", nargs="+", type=int, help="numbers of groups")
    parser.add_argument("--group-size", nargs="+", type=int, help="rows in each group")
    parser.add_argument("--group", metavar="COLUMN", help="whose groups (default: the fewest)")
    parser.add_argument("--n-sim", type=int, default=500, help="simulations each (default: 500)")
    parser.add_argument("--alpha", type=float, default=0.05, help="level (default: 0.05)")
    parser.add_argument("--test", choices=TESTS, help="of the coefficient")
    parser.add_argument("--seed", type=int, help="the same seed gives the same answer")
    parser.add_argument("--jobs", type=int, default=1, help="processes; -1 for all cores")
    add_output(parser, "the table")


def run_power(options: argparse.Namespace) -> int:
    """Print or write the table of `nestwise.power`.

    Raises
    ------
    NestwiseError
        When file, formula, parameters or options are not right.
    """
    check_out(options)
    params = None if options.params is None else read_params(options.params)
    data = read_data(options)
    how: dict[str, Any] = {
        "term": options.term,
        "effect": options.effect,
        "n_groups": options.n_groups,
        "group_size": options.group_size,
        "group": options.group,
        "n_sim": options.n_sim,
        "alpha": options.alpha,
        "test": options.test,
        "seed": options.seed,
        "n_jobs": options.jobs,
        "progress": watched(),
    }
    if params is not None:
        found = nw.power(options.formula, data, params=params, family=options.family, **how)
    else:
        found = nw.power(_fitted(options, data), **how)
    if options.json:
        content = {"term": options.term, "interrupted": found.interrupted, "power": found.table}
        emit(as_json(content), options)
    else:
        emit(str(found), options)
    return 130 if found.interrupted else 0


def _fitted(options: argparse.Namespace, data: Any) -> Any:
    """The model whose estimates are taken for the truth."""
    with step("Fitting"):
        if options.family == "gaussian":
            return nw.lmer(options.formula, data)
        return nw.glmer(options.formula, data, family=options.family)


def read_params(path: str) -> Any:
    """Parameters from a JSON file.

    Raises
    ------
    OptionError
        When it is not there or no JSON.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "truth.json"
    >>> _ = file.write_text('{"sigma": 2}')
    >>> read_params(str(file))
    {'sigma': 2}
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as problem:
        raise OptionError(f"--params: {problem.strerror}: {path!r}") from None
    except ValueError as problem:
        raise OptionError(
            f"--params: {path!r} is no JSON ({problem}); write for instance "
            '{"fixef": {"x": 2}, "sd": {"group": 3}, "sigma": 6}'
        ) from None


__all__ = ["add_power", "read_params", "run_power"]
