"""Descriptive statistics of columns, whole or by group, in one long table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import narwhals as nw
import numpy as np

from nestwise._base.arrays import AnyArray, FloatArray, IntArray
from nestwise._base.errors import DataError, OptionError
from nestwise.design.table import Source, open_table, require_columns
from nestwise.workflow.frames import as_names, group_rows, native_frame, numbers, table_like

STATISTICS = (
    "n",
    "mean",
    "sd",
    "median",
    "trimmed",
    "mad",
    "min",
    "max",
    "range",
    "skew",
    "kurtosis",
    "se",
)
_TRIM = 0.1
_MAD_TO_SD = 1.4826


def describe(
    data: Any,
    columns: str | Sequence[str] | None = None,
    by: str | Sequence[str] | None = None,
    *,
    quantiles: Sequence[float] = (),
) -> Any:
    """Describe numeric columns, by group when asked, as ``psych::describeBy`` in one long table.

    Parameters
    ----------
    data : table
        pandas, polars or pyarrow table, or a dict of columns; never changed.
    columns : str or sequence of str, optional
        What to describe; all numeric and logical columns but the `by` ones when not given.
    by : str or sequence of str, optional
        Grouping columns. Rows where one is missing are left out.
    quantiles : sequence of float
        Probabilities; ``(0.25, 0.75)`` adds the quartiles as ``q25`` and ``q75``, interpolated as
        R's ``quantile`` does (type 7 of Hyndman & Fan 1996, Am. Stat. 50, 361-365).

    Returns
    -------
    table
        Of the caller's own kind: the `by` columns, `variable`, and `n mean sd median trimmed mad
        min max range skew kurtosis se`. Missing values are left out and not counted in `n`.
        `trimmed` drops the lowest and highest tenth, `mad` is 1.4826 times the median absolute
        deviation, `skew` and `kurtosis` are m3/sd^3 and m4/sd^4 - 3 (type 3 of Joanes & Gill).
        What is not defined, as the `sd` of one value, is NaN.

    Raises
    ------
    DataError
        When a column is not there or is not numeric, or nothing numeric is left.
    OptionError
        When a quantile is no probability.

    Source
    ------
    Joanes & Gill (1998), The Statistician 47, 183-189, for skewness and kurtosis.

    Examples
    --------
    >>> import nestwise as nw
    >>> table = nw.describe(nw.load_dataset("hlm_tutorial"), "math_score", by="classroom_id")
    >>> table.loc[0, ["n", "mean", "sd", "skew", "se"]].astype(float).round(2).tolist()
    [20.0, 51.42, 9.73, -0.06, 2.17]
    """
    source = open_table(data)
    groups_by = () if by is None else as_names(by)
    names = _numeric(source, groups_by) if columns is None else as_names(columns)
    if not names:
        raise OptionError("describe: there is no column to describe; name one or more numeric ones")
    require_columns(source, (*groups_by, *names))
    groups = group_rows(source, groups_by)
    shares = _shares(quantiles)
    parts = [
        describe_values(numbers(source, name, "describe"), groups.codes, groups.n_groups, shares)
        for name in names
    ]
    answer: dict[str, AnyArray] = {"variable": np.array(list(names) * groups.n_groups, object)}
    for statistic in parts[0]:
        # One row a group, one column a variable: read row by row, the variables come together.
        answer[statistic] = np.stack([p[statistic] for p in parts], axis=1).ravel()
    rows = np.repeat(groups.first, len(names))
    return table_like(source, answer, by=groups_by, rows=rows)


def _numeric(source: Source, by: tuple[str, ...]) -> tuple[str, ...]:
    schema = native_frame(source).schema
    usable = [k for k, t in schema.items() if (t.is_numeric() or t == nw.Boolean) and k not in by]
    if not usable:
        raise DataError("describe: the data have no numeric column to describe; make one first")
    return tuple(usable)


def _shares(quantiles: Sequence[float]) -> dict[str, float]:
    """Column name and probability of each quantile."""
    for p in quantiles:
        if isinstance(p, bool) or not isinstance(p, (int, float)) or not 0.0 <= p <= 1.0:
            raise OptionError(f"quantiles: {p!r} is no probability; give numbers from 0 to 1")
    return {f"q{100 * p:g}": float(p) for p in quantiles}


def describe_values(
    x: FloatArray, codes: IntArray, n_groups: int, quantiles: Mapping[str, float] | None = None
) -> dict[str, AnyArray]:
    """The statistics of one variable in every group.

    Parameters
    ----------
    x : (n,) float64
        Values, NaN where missing.
    codes : (n,) int32
        Group of each row, 0 .. n_groups - 1, or -1.
    n_groups : int
        Number of groups.
    quantiles : mapping of str to float, optional
        Name and probability of further statistics.

    Returns
    -------
    dict of str to (n_groups,) ndarray
        By the names in `STATISTICS`, then those of `quantiles`; `n` is int64, the rest float64.

    Examples
    --------
    >>> got = describe_values(np.array([1.0, 2.0, 6.0]), np.zeros(3, np.int32), 1)
    >>> got["mean"].item(), got["median"].item(), got["range"].item()
    (3.0, 2.0, 5.0)
    """
    used = (codes >= 0) & ~np.isnan(x)
    if not used.all():
        x, codes = x[used], codes[used]
    n = np.bincount(codes, minlength=n_groups)
    start = np.concatenate([[0], np.cumsum(n)[:-1]])
    x, codes = _sort_within(x, codes, n_groups)
    with np.errstate(all="ignore"):
        median = _middle(x, start, n)
        deviation = np.abs(x - median[codes])
        mad = _MAD_TO_SD * _middle(_sort_within(deviation, codes, n_groups)[0], start, n)
        low, high = _at(x, start, n), _at(x, start + n - 1, n)
        mean, sd, skew, kurtosis = _moments(x, codes, n, low, high)
        answer: dict[str, AnyArray] = {"n": n.astype(np.int64), "mean": mean, "sd": sd}
        answer |= {"median": median, "trimmed": _trimmed(x, start, n, mean), "mad": mad}
        answer |= {"min": low, "max": high, "range": high - low}
        answer |= {"skew": skew, "kurtosis": kurtosis, "se": sd / np.sqrt(n)}
        answer |= {name: _quantile(x, start, n, p) for name, p in (quantiles or {}).items()}
    return answer


def _sort_within(x: FloatArray, codes: IntArray, n_groups: int) -> tuple[FloatArray, IntArray]:
    """Values and codes sorted by group and, within it, by value."""
    if n_groups == 1:
        return np.sort(x), codes
    order = np.argsort(x)
    # NumPy sorts 16-bit integers by radix, in linear time.
    key = codes.astype(np.uint16) if n_groups < 65536 else codes
    order = order[np.argsort(key[order], kind="stable")]
    return x[order], codes[order]


def _at(x: FloatArray, position: AnyArray, n: AnyArray) -> FloatArray:
    """x at a position of each group, NaN for an empty group."""
    if not x.size:
        return np.full(n.shape, np.nan)
    return np.where(n > 0, x[np.clip(position, 0, x.size - 1)], np.nan)


def _middle(x: FloatArray, start: AnyArray, n: AnyArray) -> FloatArray:
    """Median of each group of sorted values."""
    below, above = _at(x, start + (n - 1) // 2, n), _at(x, start + n // 2, n)
    return np.where(below == above, below, 0.5 * (below + above))


def _quantile(x: FloatArray, start: AnyArray, n: AnyArray, p: float) -> FloatArray:
    """Interpolated quantile of each group of sorted values."""
    place = (n - 1) * p
    # A place a rounding error below a whole number counts as that number, as in R.
    first = np.floor(place + 4.0 * np.finfo(np.float64).eps).astype(np.int64)
    below = _at(x, start + first, n)
    above = _at(x, start + np.minimum(first + 1, n - 1), n)
    share = np.clip(place - first, 0.0, 1.0)
    return np.where(below == above, below, (1.0 - share) * below + share * above)


def _trimmed(x: FloatArray, start: AnyArray, n: AnyArray, mean: FloatArray) -> FloatArray:
    """Mean of each group without its lowest and highest tenth."""
    cut = np.floor(_TRIM * n).astype(np.int64)
    filled = np.flatnonzero(n > 0)
    trimmed = np.full(n.shape, np.nan)
    if filled.size:
        first = start[filled] + cut[filled]
        last = start[filled] + n[filled] - cut[filled]
        # Deviations from the mean, so that the sums lose no digits.
        deviation = np.append(x - np.repeat(mean[filled], n[filled]), 0.0)
        sums = np.add.reduceat(deviation, np.stack([first, last], axis=1).ravel())[::2]
        trimmed[filled] = mean[filled] + sums / (last - first)
    return trimmed


def _moments(
    x: FloatArray, codes: IntArray, n: AnyArray, low: FloatArray, high: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Mean, sd, skewness and kurtosis of each group; of a constant one exactly 0 or undefined."""
    groups = len(n)
    mean = np.bincount(codes, x, groups) / n
    mean = mean + np.bincount(codes, x - mean[codes], groups) / n
    mean = np.where(low == high, low, mean)
    deviation = x - mean[codes]
    square = deviation * deviation
    sd = np.sqrt(np.bincount(codes, square, groups) / np.where(n > 1, n - 1, np.nan))
    skew = np.bincount(codes, square * deviation, groups) / (n * sd**3)
    kurtosis = np.bincount(codes, square * square, groups) / (n * sd**4) - 3.0
    return mean, sd, skew, kurtosis
