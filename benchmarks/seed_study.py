"""A study of many seeds: one line of JSON each, gone on with where it stopped."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits
from tqdm import tqdm

Row = dict[str, Any]
Study = Callable[[int, float], Row]
"""A seed and the seconds that its search may take, to what was found."""


def read(path: Path) -> list[Row]:
    """The lines of a file that is there already."""
    if not path.exists():
        return []
    return [json.loads(x) for x in path.read_text(encoding="utf-8").splitlines() if x.strip()]


def run(study: Study, seeds: list[int], jobs: int, seconds: float, out: Path) -> None:
    """Study the seeds, one line each as it is done."""
    one_thread = {"initializer": threadpool_limits, "initargs": (1,)}
    with ProcessPoolExecutor(jobs, **one_thread) as pool, out.open("a", encoding="utf-8") as file:
        waiting = {pool.submit(study, s, seconds): s for s in seeds}
        for future in tqdm(as_completed(waiting), total=len(waiting), disable=None):
            try:
                row = future.result()
            except Exception as error:
                print(f"lost the process of seed {waiting[future]} ({error!r})", file=sys.stderr)
                raise
            file.write(json.dumps(row) + "\n")
            file.flush()


def costs(rows: list[Row], between: str = "") -> str:
    """One line on evaluations and seconds, with a sentence in between."""
    counts = [r["evaluations"] for r in rows]
    seconds = [r["seconds"] for r in rows]
    return (
        f"\nEvaluations: median {np.median(counts):.0f}, 95 % {np.quantile(counts, 0.95):.0f}, "
        f"largest {max(counts)} (seed {rows[int(np.argmax(counts))]['seed']}). {between}"
        f"Seconds: median {np.median(seconds):.4f}, largest {max(seconds):.3f}."
    )


def command(
    study: Study, summary: Callable[[list[Row]], str], description: str | None, out: str
) -> None:
    """The command line: run what is missing, and print the table.

    Parameters
    ----------
    study : callable
        One seed.
    summary : callable
        All lines to a table.
    description : str or None
        Of the command.
    out : str
        Where the lines go by default.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--n", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--out", type=Path, default=Path(out))
    parser.add_argument("--table", type=Path, help="where the table is written, too")
    parser.add_argument("--only", type=int)
    options = parser.parse_args()
    if options.only is not None:
        print(json.dumps(study(options.only, options.seconds), indent=1))
        return
    known = {r["seed"] for r in read(options.out)}
    seeds = [s for s in range(options.seed, options.seed + options.n) if s not in known]
    if seeds:
        run(study, seeds, options.jobs, options.seconds, options.out)
    table = summary(read(options.out))
    print(table)
    if options.table:
        options.table.write_text(table + "\n", encoding="utf-8")
