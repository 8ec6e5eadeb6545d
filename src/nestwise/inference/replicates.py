"""Many replicates: in order, in parallel, with progress, interruptible, stopped early."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import OptionError

WAVES = 16
"""Parts of a parallel run: Ctrl-C loses at most the one that is being computed."""


class Task(Protocol):
    """Work that can be sent to another process and begun there."""

    def begin(self) -> Callable[[int], FloatArray]:
        """A function from the number of a replicate to its row of results."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """What came of a run.

    Parameters
    ----------
    rows : (n_done, width) float64
        Results of the first replicates asked for, in order.
    interrupted : bool
        Whether Ctrl-C ended it.
    """

    rows: FloatArray
    interrupted: bool


def run(
    task: Task,
    numbers: Sequence[int],
    *,
    n_jobs: int = 1,
    progress: bool = False,
    enough: Callable[[FloatArray], bool] | None = None,
) -> Run:
    """Compute replicates in order, until all are there, `enough` says so, or Ctrl-C.

    Parameters
    ----------
    task : Task
        The work.
    numbers : sequence of int
        Numbers of the replicates.
    n_jobs : int
        Worker processes; -1 for as many as there are cores. The answer does not depend on it.
    progress : bool
        Whether to show a bar.
    enough : callable, optional
        Asked with each row, in order; True ends the run after that row.

    Returns
    -------
    Run

    Raises
    ------
    OptionError
        When `n_jobs` is neither positive nor -1.
    """
    workers = min(checked_jobs(n_jobs), max(len(numbers), 1))
    rows: list[FloatArray] = []
    interrupted = False
    advance, close = _bar(len(numbers)) if progress else (_nothing, _nothing)
    source = _here(task, numbers) if workers == 1 else _spread(task, numbers, workers)
    try:
        for row in source:
            rows.append(row)
            advance()
            if enough is not None and enough(row):
                break
    except KeyboardInterrupt:
        interrupted = True
    finally:
        source.close()
        close()
    return Run(np.array(rows) if rows else np.empty((0, 0)), interrupted)


def _bar(total: int) -> tuple[Callable[[], object], Callable[[], object]]:
    # tqdm and joblib are imported where they are used: they would slow the import of the package.
    from tqdm import tqdm

    bar = tqdm(total=total, unit="replicate")
    return bar.update, bar.close


def _nothing() -> None:
    return None


def checked_jobs(n_jobs: int) -> int:
    """The number of workers that `n_jobs` asks for.

    Raises
    ------
    OptionError
        When it is neither positive nor -1.

    Examples
    --------
    >>> checked_jobs(2)
    2
    """
    if isinstance(n_jobs, bool) or not isinstance(n_jobs, int) or (n_jobs < 1 and n_jobs != -1):
        raise OptionError(
            f"n_jobs={n_jobs!r} is neither a whole number above zero nor -1 (all cores)"
        )
    if n_jobs > 0:
        return n_jobs
    from joblib import cpu_count

    return int(cpu_count())


def _here(task: Task, numbers: Sequence[int]) -> Generator[FloatArray, None, None]:
    one = task.begin()
    for number in numbers:
        yield one(number)


def _spread(task: Task, numbers: Sequence[int], workers: int) -> Generator[FloatArray, None, None]:
    """Wave after wave: each is waited for, so that nothing is abandoned when a run ends early."""
    from joblib import Parallel, delayed

    size = -(-len(numbers) // WAVES)
    work = Parallel(n_jobs=workers)
    for first in range(0, len(numbers), size):
        wave = np.asarray(numbers[first : first + size])
        parts = np.array_split(wave, min(workers, len(wave)))
        for chunk in work(delayed(_chunk)(task, part.tolist()) for part in parts):
            yield from chunk


def _chunk(task: Task, numbers: Sequence[int]) -> list[FloatArray]:
    return list(_here(task, numbers))


__all__ = ["Run", "Task", "checked_jobs", "run"]
