"""Figures inside the page: SVG while it is small, PNG where there are many points."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import TYPE_CHECKING

from nestwise._base.errors import MissingExtraError, NestwiseError
from nestwise.present.report.blocks import Picture, Text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MANY = 3000
"""More rows than this make a PNG smaller than an SVG."""


def picture(draw: Callable[[], Axes], alt: str, caption: str, n_points: int = 0) -> Picture | Text:
    """Draw a figure, or say why it could not be drawn.

    Parameters
    ----------
    draw : callable
        Hands back axes.
    alt : str
        What it shows, for those who do not see it.
    caption : str
        How to read it.
    n_points : int
        About how many points it has.

    Returns
    -------
    Picture or Text

    Raises
    ------
    MissingExtraError
        When matplotlib is not installed.

    Examples
    --------
    >>> from nestwise.present.plots.canvas import new_axes
    >>> found = picture(lambda: new_axes()[0], "nothing", "An empty figure.")
    >>> found.uri[:26], found.width
    ('data:image/svg+xml;base64,', 461)
    """
    try:
        axes = draw()
    except MissingExtraError:
        raise
    except NestwiseError as problem:
        return Text(f"{caption} It could not be drawn: {problem}.")
    import matplotlib as mpl

    figure = axes.figure.figure
    width, height = figure.get_size_inches().tolist()
    stream = io.BytesIO()
    kind, name = ("png", "png") if n_points > MANY else ("svg", "svg+xml")
    # A fixed salt and no date: the same fit makes the same page.
    with mpl.rc_context({"svg.hashsalt": "nestwise", "svg.fonttype": "path"}):
        figure.savefig(stream, format=kind, dpi=160, metadata=_PLAIN[kind])
    text = base64.b64encode(stream.getvalue()).decode("ascii")
    uri = f"data:image/{name};base64,{text}"
    return Picture(uri, alt, caption, round(72 * width), round(72 * height))


_PLAIN: dict[str, dict[str, str | None]] = {"png": {"Software": None}, "svg": {"Date": None}}

__all__ = ["picture"]
