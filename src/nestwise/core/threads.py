"""Threads of the linear algebra while the engine runs.

A BLAS with more threads than idle cores is many times slower on small blocks, so the engine asks
for the number that `Control` names, and only where BLAS is called on something large.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from typing import Any

from threadpoolctl import ThreadpoolController

SMALL = 8
"""Order of the dense trailing matrix up to which threads are left as they are: beyond, triangular
solves start them however little there is to do."""


@lru_cache(maxsize=1)
def _controller() -> ThreadpoolController:
    """Found once: looking through the loaded libraries takes milliseconds."""
    return ThreadpoolController()


def limited(dense_order: int, threads: int) -> AbstractContextManager[Any]:
    """A context with `threads` threads of BLAS, where a matrix of this order makes it matter."""
    if dense_order <= SMALL:
        return nullcontext()
    context: AbstractContextManager[Any] = _controller().limit(limits=threads, user_api="blas")
    return context
