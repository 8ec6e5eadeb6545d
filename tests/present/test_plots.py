"""Plots have the right points and labels, are the same every time, and are not empty."""

from __future__ import annotations

import builtins
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes

import nestwise as nw
from inference.r_models import linear, mixed
from nestwise.present.plots.caterpillar import caterpillar

KINDS = ("caterpillar", "observed_vs_predicted", "residuals", "qq")


def picture(axes: Axes) -> np.ndarray[Any, np.dtype[np.uint8]]:
    buffer = io.BytesIO()
    axes.figure.savefig(buffer, format="rgba", dpi=60)
    return np.frombuffer(buffer.getvalue(), dtype=np.uint8)


def points(axes: Axes) -> int:
    return sum(len(c.get_offsets()) for c in axes.collections if len(c.get_offsets()) > 1)


@pytest.mark.parametrize("kind", KINDS)
def test_drawn_and_the_same_every_time(kind: str) -> None:
    draw: Callable[[], Axes] = getattr(mixed("sleepstudy").plot, kind)
    first = picture(draw())
    assert np.array_equal(first, picture(draw()))
    pixels = first.reshape(-1, 4)
    assert np.mean(np.any(pixels[:, :3] < 200, axis=1)) > 0.005


@pytest.mark.parametrize("kind", KINDS[1:])
def test_one_point_a_row(kind: str) -> None:
    assert points(getattr(mixed("sleepstudy").plot, kind)()) == 180
    assert points(getattr(linear("sleepstudy").plot, kind)()) == 180


def test_labels_name_the_variables() -> None:
    plot = mixed("sleepstudy_log").plot
    assert plot.observed_vs_predicted().get_xlabel() == "Predicted log(Reaction)"
    assert plot.residuals().get_xlabel() == "Fitted log(Reaction)"
    assert "log(Reaction)" in plot.qq().get_title(loc="left")
    assert mixed("sleepstudy_weights").plot.qq().get_ylabel() == "Weighted residual / residual sd"


def test_caterpillar_is_sorted_and_named() -> None:
    every = caterpillar(mixed("sleepstudy").fit).figure.axes
    assert [axes.get_title(loc="left") for axes in every] == ["(Intercept)", "Days"]
    table = mixed("sleepstudy").ranef()
    days = table[table["term"] == "Days"].sort_values("estimate")
    assert [t.get_text() for t in every[1].get_yticklabels()] == [str(v) for v in days["level"]]
    drawn = sorted(float(xy[0]) for c in _dots(every[1]) for xy in c.get_offsets())
    assert drawn == pytest.approx(list(days["estimate"]))


def _dots(axes: Axes) -> list[Any]:
    from matplotlib.collections import PathCollection

    return [c for c in axes.collections if isinstance(c, PathCollection)]


def test_caterpillar_of_one_factor_among_several() -> None:
    axes = mixed("penicillin").plot.caterpillar("sample")
    assert axes.get_ylabel() == "sample (6 levels)"
    assert mixed("penicillin").plot.caterpillar().get_ylabel() == "plate (24 levels)"
    with pytest.raises(nw.NestwiseError, match=r"group='plat' is not known.*did you mean 'plate'"):
        mixed("penicillin").plot.caterpillar("plat")


def test_caterpillar_of_many_levels_leaves_names_out() -> None:
    assert mixed("exam").plot.caterpillar().get_yticklabels() == []


def test_caterpillar_needs_random_effects() -> None:
    with pytest.raises(nw.NestwiseError, match="a linear model has none"):
        linear("sleepstudy").plot.caterpillar()


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(nw.NestwiseError, match=r"nestwise\[plot\]"):
        mixed("sleepstudy").plot.qq()
