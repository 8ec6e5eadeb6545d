"""What takes its time, told on standard error while a person looks on."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from nestwise.cli.style import DIM, painted


def watched() -> bool:
    """Whether standard error is a terminal, so that progress is worth showing.

    Examples
    --------
    >>> isinstance(watched(), bool)
    True
    """
    return sys.stderr.isatty()


@contextmanager
def step(words: str) -> Iterator[None]:
    """Show a step while it runs, and how long it took; nothing when no one looks on.

    Examples
    --------
    >>> with step("Reading"):
    ...     pass
    """
    if not watched():
        yield
        return
    print(painted(f"{words} ...", DIM, sys.stderr), end="", file=sys.stderr, flush=True)
    start = time.perf_counter()
    try:
        yield
    except BaseException:
        print(file=sys.stderr)
        raise
    taken = time.perf_counter() - start
    print(painted(f" {taken:.1f} s", DIM, sys.stderr), file=sys.stderr)


__all__ = ["step", "watched"]
