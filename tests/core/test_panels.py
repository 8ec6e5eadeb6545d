"""Large remainders of crossed factors are solved in panels, and Ctrl-C is heard between them."""

from __future__ import annotations

import signal
import time
from types import FrameType
from typing import NoReturn

import numpy as np
import pytest

from nestwise.core import lmm
from nestwise.core.problem import ModelArrays, Problem, TermColumns, build_problem

TEACHERS = 1700
"""Above the order up to which LAPACK is called at once."""


def _pupils(meet_all: bool) -> ModelArrays:
    """Pupils with two teachers each: neighbours, or any two."""
    rng = np.random.default_rng(5)
    pupils = np.repeat(np.arange(3 * TEACHERS, dtype=np.int32), 2)
    near = (pupils // 3 + rng.integers(0, 2, pupils.size)) % TEACHERS
    teachers = rng.permutation(near) if meet_all else near
    y = rng.normal(size=pupils.size)
    X = np.asfortranarray(np.column_stack([np.ones(y.size), rng.normal(size=y.size)]))
    terms = (TermColumns(0, (None,), "us"), TermColumns(1, (None,), "us"))
    codes = (pupils, teachers.astype(np.int32))
    return ModelArrays(y, X, 0, None, codes, (3 * TEACHERS, TEACHERS), terms)


def _problem(solver: str, meet_all: bool = False) -> Problem:
    return build_problem(_pupils(meet_all), solver=solver)


def test_a_large_dense_factor_is_the_sparse_one() -> None:
    theta = np.array([0.8, 0.6])
    dense, sparse = (lmm.evaluate(_problem(s), theta) for s in ("dense", "sparse"))
    assert dense.criterion == pytest.approx(sparse.criterion, rel=1e-12)
    np.testing.assert_allclose(dense.gradient, sparse.gradient, rtol=1e-9)
    np.testing.assert_allclose(dense.kernel.u, sparse.kernel.u, atol=1e-10)


class Stopped(Exception):
    """What the signal raises here, where Ctrl-C raises KeyboardInterrupt."""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="timers are POSIX")
def test_a_signal_ends_an_evaluation_before_it_is_done() -> None:
    def stop(number: int, frame: FrameType | None) -> NoReturn:
        raise Stopped

    problem, theta = _problem("dense", meet_all=True), np.array([0.8, 0.6])
    lmm.evaluate(problem, theta)  # the first one makes the workspace, too
    start = time.process_time()
    lmm.evaluate(problem, theta)
    whole = time.process_time() - start
    previous = signal.signal(signal.SIGVTALRM, stop)
    try:
        start = time.process_time()
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.2 * whole)
        with pytest.raises(Stopped):
            lmm.evaluate(problem, theta)
        assert time.process_time() - start < 0.7 * whole
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.0)
        signal.signal(signal.SIGVTALRM, previous)
