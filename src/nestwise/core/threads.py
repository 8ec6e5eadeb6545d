"""Threads of the linear algebra while the engine runs.

A BLAS with more threads than idle cores is many times slower on small blocks, so the engine asks
for the number that `Control` names, and only where BLAS is called on something large.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from threadpoolctl import ThreadpoolController

from nestwise._base.options import Control
from nestwise.core.problem import Problem

SMALL = 64
"""Order of the dense trailing matrix up to which BLAS does not start threads anyway."""


@lru_cache(maxsize=1)
def _controller() -> ThreadpoolController:
    """Found once: looking through the loaded libraries takes milliseconds."""
    return ThreadpoolController()


@contextmanager
def limited(problem: Problem, control: Control) -> Iterator[None]:
    """Run the body with ``control.threads`` threads of BLAS where that matters."""
    if problem.kernel.dense_order <= SMALL:
        yield
        return
    with _controller().limit(limits=int(control.threads), user_api="blas"):
        yield
