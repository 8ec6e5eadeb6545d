"""The same coefficient by every approach, with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import stdtrit

from nestwise._base.arrays import AnyArray, FloatArray
from nestwise._base.errors import OptionError, one_of
from nestwise._base.table import Table
from nestwise.present.plots.canvas import (
    BLUE,
    GREY,
    VERMILION,
    heading,
    legend_below,
    new_axes,
    shortened,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = 2


def approaches(
    estimates: Table, reference: str, terms: Sequence[str] | None = None, level: float = 0.95
) -> Axes:
    """Plot the estimates of all approaches with their intervals, one small plot a coefficient.

    Parameters
    ----------
    estimates : Table
        ``approach groups term estimate std_error df``, as `nestwise.compare_approaches` has it.
    reference : str
        The approach that is drawn in another colour, with its interval as a band behind all.
    terms : sequence of str, optional
        Coefficients; by default all but the intercept, up to six.
    level : float
        Of the intervals.

    Returns
    -------
    Axes
        Of the first coefficient; ``axes.figure.axes`` has all. Intervals much wider than that of
        the reference leave the frame.

    Raises
    ------
    OptionError
        When a term is not known.
    MissingExtraError
        When matplotlib is not installed.

    Examples
    --------
    >>> import nestwise as nw
    >>> c = nw.compare_approaches("normexam ~ standLRT", nw.load_dataset("Exam"), groups="school")
    >>> approaches(c.found.estimates, c.reference).get_title(loc="left")
    'standLRT'
    """
    known = list(dict.fromkeys(str(t) for t in estimates["term"]))
    chosen = [t for t in known if t != "(Intercept)"][:6] or known[:1]
    if terms is not None:
        chosen = [str(one_of("terms", t, known)) for t in terms]
    if not chosen:
        raise OptionError("terms=[] names no coefficient to plot")
    names = list(dict.fromkeys(_names(estimates)))
    columns = min(COLUMNS, len(chosen))
    rows = -(-len(chosen) // columns)
    height = 1.3 + rows * (0.9 + 0.24 * len(names))
    every = new_axes(3.2 + 2.6 * columns, height, columns, rows)
    for i, axes in enumerate(every):
        if i >= len(chosen):
            axes.remove()
            continue
        _draw(axes, estimates, chosen[i], names, reference, level)
        axes.set_yticks(range(len(names)), names if i % columns == 0 else [])
    heading(every[0], f"One question, {len(names)} ways to treat the groups")
    axes = every[0]
    axes.plot([], [], color=VERMILION, marker="o", label=f"{reference}, {level:.0%} interval")
    axes.plot([], [], color=BLUE, marker="o", label="other approaches")
    legend_below(axes)
    return every[0]


def _names(estimates: Table) -> list[str]:
    pairs = zip(estimates["approach"], estimates["groups"], strict=True)
    return [f"{name} ({groups})" if groups else str(name) for name, groups in pairs]


def _draw(
    axes: Axes, estimates: Table, term: str, names: list[str], reference: str, level: float
) -> None:
    own = np.array(_names(estimates), dtype=object)
    at = np.flatnonzero(estimates["term"] == term)
    at = at[np.isfinite(estimates["estimate"][at].astype(np.float64))]
    place = np.array([names.index(name) for name in own[at]])
    value, half = _intervals(estimates, at, level)
    main = estimates["approach"][at] == reference
    for rows, colour in ((~main, BLUE), (main, VERMILION)):
        ends = value[rows] - half[rows], value[rows] + half[rows]
        axes.hlines(place[rows], *ends, color=colour, linewidth=1.6)
        axes.scatter(value[rows], place[rows], color=colour, s=22, zorder=3, linewidths=0)
    if main.any():
        low, high = (value - half)[main].min(), (value + half)[main].max()
        axes.axvspan(low, high, color=VERMILION, alpha=0.1, linewidth=0)
        room = 3.0 * (high - low)
        axes.set_xlim(
            max(float((value - half).min()), low - room) - 0.1 * (high - low),
            min(float((value + half).max()), high + room) + 0.1 * (high - low),
        )
    low_end, high_end = axes.get_xlim()
    if low_end < 0.0 < high_end:
        axes.axvline(0.0, color=GREY, linewidth=1.0)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(labelsize=8)
    axes.grid(False, axis="y")
    axes.set_title(shortened(term, 32), loc="left", fontsize=10)


def _intervals(estimates: Table, at: AnyArray, level: float) -> tuple[FloatArray, FloatArray]:
    value, error, df = (
        estimates[name][at].astype(np.float64) for name in ("estimate", "std_error", "df")
    )
    wide = np.where(np.isfinite(df), df, 1e9)
    return value, np.nan_to_num(error * stdtrit(wide, 0.5 + 0.5 * level))


__all__ = ["approaches"]
