"""Threads of the linear algebra while the engine runs.

A BLAS with more threads than idle cores is many times slower on small blocks, so the engine asks
for the number that `Control` names, and only where BLAS is called on something large.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import lru_cache
from typing import Any

from threadpoolctl import ThreadpoolController

SMALL = 8
"""Order of the dense trailing matrix up to which threads are left as they are: beyond, triangular
solves start them however little there is to do."""


@lru_cache(maxsize=1)
def _libraries() -> tuple[Any, ...]:
    """The BLAS libraries that are loaded, found once: looking for them takes milliseconds."""
    found = ThreadpoolController().lib_controllers
    return tuple(library for library in found if library.user_api == "blas")


@contextmanager
def _limit(threads: int) -> Iterator[None]:
    before = [(library, library.get_num_threads()) for library in _libraries()]
    for library, _ in before:
        library.set_num_threads(threads)
    try:
        yield
    finally:
        for library, count in before:
            library.set_num_threads(count)


def limited(dense_order: int, threads: int) -> AbstractContextManager[Any]:
    """A context with `threads` threads of BLAS, where a matrix of this order makes it matter."""
    return nullcontext() if dense_order <= SMALL else _limit(threads)
