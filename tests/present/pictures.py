"""What every picture must satisfy, whatever the version of matplotlib."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.text import Text


def pixels(axes: Axes) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """(n, 4) colours of the drawn figure."""
    buffer = io.BytesIO()
    axes.figure.savefig(buffer, format="rgba", dpi=60)
    return np.frombuffer(buffer.getvalue(), dtype=np.uint8).reshape(-1, 4)


def check_picture(axes: Axes) -> None:
    """Something is drawn, words lie within the figure, headings and labels hide no other word."""
    drawn = pixels(axes)
    assert np.mean(np.any(drawn[:, :3] < 200, axis=1)) > 0.004
    figure = axes.figure
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    frame = figure.bbox.padded(2)
    boxes = [(t.get_text(), t.get_window_extent(renderer)) for t in _headings(axes)]
    for text, box in boxes:
        assert frame.x0 <= box.x0 <= box.x1 <= frame.x1, f"{text!r} is cut at a side"
        assert frame.y0 <= box.y0 <= box.y1 <= frame.y1, f"{text!r} is cut above or below"
    for i, (text, box) in enumerate(boxes):
        for other, second in boxes[i + 1 :]:
            apart = (
                box.x1 <= second.x0 + 1
                or second.x1 <= box.x0 + 1
                or box.y1 <= second.y0 + 1
                or second.y1 <= box.y0 + 1
            )
            assert apart, f"{text!r} lies over {other!r}"


def _headings(axes: Axes) -> list[Text]:
    """Titles, axis labels and legend entries of the figure."""
    out: list[Text] = []
    for one in axes.figure.axes:
        out += [one.title, one._left_title, one.xaxis.label, one.yaxis.label]  # type: ignore[attr-defined]
        if one.get_legend() is not None:
            out += one.get_legend().get_texts()
    for legend in axes.figure.legends:
        out += [*legend.get_texts(), legend.get_title()]
    if axes.figure.get_suptitle():
        out.append(axes.figure._suptitle)
    return [t for t in out if t.get_visible() and t.get_text().strip()]
