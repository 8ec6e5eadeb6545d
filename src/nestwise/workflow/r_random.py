"""R's default random generator, so that `set.seed(123); rnorm(3)` gives R's own numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nestwise._base.arrays import FloatArray, IntArray
from nestwise._base.errors import OptionError
from nestwise.workflow.normal_quantile import normal_quantile

_WORDS = 624
_UNIT = 2.3283064365386963e-10  # 2**-32, rounded as R documents its resolution
_SMALLEST = 0.5 * 2.328306437080797e-10  # half of 1 / (2**32 - 1): runif never returns 0
_BIG = 134217728  # 2**27: two uniforms make one of higher resolution
_SAMPLE_LIMIT = 10_000_000


@dataclass(frozen=True, slots=True, eq=False)
class RState:
    """Where R's Mersenne Twister stands; a draw returns its numbers and the next state.

    Parameters
    ----------
    key : (624,) uint32
        The words of the generator.
    position : int
        How many of them are used up.

    Examples
    --------
    >>> set_seed(123).position
    624
    """

    key: NDArray[np.uint32]
    position: int


def set_seed(seed: int) -> RState:
    """State of R's default generator after ``set.seed(seed)``.

    Parameters
    ----------
    seed : int
        Between -2147483647 and 2147483647, as in R.

    Raises
    ------
    OptionError
        When the seed is no integer or out of that range.

    Notes
    -----
    The seed runs through the linear congruential generator 69069 s + 1 (mod 2**32): fifty times
    to scramble it, once for the position (which R then resets), and once for each word.

    Source: Matsumoto & Nishimura (1998), ACM TOMACS 8, 3-30; R's help page `Random`.

    Examples
    --------
    >>> values, state = rnorm(set_seed(123), 3)
    >>> values.round(4).tolist()
    [-0.5605, -0.2302, 1.5587]
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
        raise OptionError(f"seed={seed!r} is not an integer; give a whole number, e.g. seed=123")
    if abs(int(seed)) > 2147483647:
        raise OptionError(f"seed={seed} is outside R's range -2147483647 .. 2147483647")
    word = int(seed) % 2**32
    words = []
    for _ in range(51 + _WORDS):
        word = (69069 * word + 1) % 2**32
        words.append(word)
    return RState(np.array(words[51:], dtype=np.uint32), _WORDS)


def _uniforms(state: RState, n: int) -> tuple[FloatArray, RState]:
    """n numbers in (0, 1), and the state after them."""
    generator = np.random.MT19937(0)
    generator.state = {
        "bit_generator": "MT19937",
        "state": {"key": state.key, "pos": state.position},
    }
    values: FloatArray = generator.random_raw(n).astype(np.float64) * _UNIT
    values[values <= 0.0] = _SMALLEST
    after = generator.state["state"]
    return values, RState(after["key"], int(after["pos"]))


def _count(n: int) -> int:
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 0:
        raise OptionError(f"n={n!r} is not a number of draws; give a whole number, 0 or more")
    return int(n)


def runif(
    state: RState, n: int, *, minimum: float = 0.0, maximum: float = 1.0
) -> tuple[FloatArray, RState]:
    """Uniform numbers as R's ``runif(n, minimum, maximum)`` draws them.

    Parameters
    ----------
    state : RState
        From `set_seed` or an earlier draw.
    n : int
        How many.
    minimum, maximum : float
        Ends of the interval, which never occur themselves.

    Returns
    -------
    (n,) float64, RState
        The numbers, and the state to draw on from.

    Raises
    ------
    OptionError
        When n is negative or the interval is empty or not finite.

    Examples
    --------
    >>> runif(set_seed(1), 2)[0].round(7).tolist()
    [0.2655087, 0.3721239]
    """
    if not (math.isfinite(minimum) and math.isfinite(maximum) and minimum <= maximum):
        raise OptionError(f"minimum={minimum}, maximum={maximum} is no interval; need min <= max")
    if minimum == maximum:
        return np.full(_count(n), float(minimum)), state
    values, after = _uniforms(state, _count(n))
    return minimum + (maximum - minimum) * values, after


def rnorm(
    state: RState, n: int, *, mean: float = 0.0, sd: float = 1.0
) -> tuple[FloatArray, RState]:
    """Normal numbers as R's ``rnorm(n, mean, sd)`` draws them, by inversion.

    Parameters
    ----------
    state : RState
        From `set_seed` or an earlier draw.
    n : int
        How many.
    mean, sd : float
        Of the distribution; with sd 0 nothing is drawn, as in R.

    Returns
    -------
    (n,) float64, RState
        The numbers, and the state to draw on from.

    Raises
    ------
    OptionError
        When n or sd is negative.

    Examples
    --------
    >>> rnorm(set_seed(123), 2, mean=50, sd=10)[0].round(5).tolist()
    [44.39524, 47.69823]
    """
    if not sd >= 0.0:
        raise OptionError(f"sd={sd} is not a standard deviation; give a number of 0 or more")
    if sd == 0.0:
        return np.full(_count(n), float(mean)), state
    uniform, after = _uniforms(state, 2 * _count(n))
    fine = np.floor(_BIG * uniform[0::2]) + uniform[1::2]
    return mean + sd * normal_quantile(fine / _BIG), after


def sample(
    state: RState, n: int, *, size: int | None = None, replace: bool = False
) -> tuple[IntArray, RState]:
    """Whole numbers from 1 to n as R's ``sample(n, size, replace)`` draws them (R >= 3.6).

    Parameters
    ----------
    state : RState
        From `set_seed` or an earlier draw.
    n : int
        The largest number.
    size : int or None
        How many; all of them, shuffled, when None.
    replace : bool
        Whether a number may come again.

    Returns
    -------
    (size,) int32, RState
        The numbers, counted from 1 as in R, and the state to draw on from.

    Raises
    ------
    OptionError
        When more is asked without replacement than there is, or n is above ten million.

    Notes
    -----
    An index below m takes the least bits that can hold it, sixteen from each uniform number, and
    is drawn again when it is m or more: "rejection" in R's help page `Random`.

    Examples
    --------
    >>> sample(set_seed(42), 10)[0].tolist()
    [1, 5, 10, 8, 2, 4, 6, 9, 7, 3]
    """
    size = _count(n) if size is None else _count(size)
    if n > _SAMPLE_LIMIT:
        raise OptionError(f"n={n} is too large; R samples above {_SAMPLE_LIMIT} in another way")
    if (not replace and size > n) or (size > 0 and n == 0):
        raise OptionError(f"size={size} from n={n} needs replace=True")
    indices, after = _indices_below(state, [n if replace else n - i for i in range(size)])
    if replace:
        return np.array(indices, dtype=np.int32) + 1, after
    pool = list(range(1, n + 1))
    drawn = []
    for i, index in enumerate(indices):
        drawn.append(pool[index])
        pool[index] = pool[n - i - 1]
    return np.array(drawn, dtype=np.int32), after


def _indices_below(state: RState, bounds: list[int]) -> tuple[list[int], RState]:
    """For each bound a whole number in 0 .. bound - 1, and the state after them."""
    supply: list[float] = []
    ahead, used, indices = state, 0, []
    for bound in bounds:
        bits = (bound - 1).bit_length()
        index = bound
        while index >= bound:
            index = 0
            for _ in range(bits // 16 + 1):
                if used == len(supply):
                    more, ahead = _uniforms(ahead, 2 * len(bounds) + 64)
                    supply.extend(more.tolist())
                index = 65536 * index + int(65536 * supply[used])
                used += 1
            index &= 2**bits - 1
        indices.append(index)
    return indices, _uniforms(state, used)[1]
