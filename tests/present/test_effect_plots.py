"""Effect and group plots draw the marginal means, the lines of the groups, and their shrinkage."""

from __future__ import annotations

import io

import numpy as np
import pytest
from matplotlib.axes import Axes

import nestwise as nw
from inference.r_models import mixed
from nestwise.inference.group_lines import group_lines


def picture(axes: Axes) -> bytes:
    buffer = io.BytesIO()
    axes.figure.savefig(buffer, format="rgba", dpi=60)
    return buffer.getvalue()


def cake() -> nw.MixedModel:
    return nw.lmer("angle ~ recipe * temp + (1 | recipe:replicate)", nw.load_dataset("cake"))


def test_the_line_is_the_marginal_mean() -> None:
    m = mixed("sleepstudy")
    axes = m.plot.effects("Days")
    line = axes.get_lines()[0]
    x, y = np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)
    np.testing.assert_allclose(y, m.params["(Intercept)"] + m.params["Days"] * x)
    assert axes.get_ylabel() == "Marginal mean of Reaction (ms)"
    assert picture(axes) == picture(m.plot.effects("Days"))


def test_rug_shows_where_the_data_are() -> None:
    rug = mixed("sleepstudy").plot.effects("Days").collections[-1]
    assert [s[0][0] for s in rug.get_segments()] == list(range(10))


def test_factor_gets_points_with_the_intervals_of_emmeans() -> None:
    m = cake()
    axes = m.plot.effects("recipe")
    t = m.emmeans("recipe").table
    assert [text.get_text() for text in axes.get_xticklabels()] == ["A", "B", "C"]
    np.testing.assert_allclose(axes.collections[1].get_offsets()[:, 1], t["emmean"])
    ends = np.array([s[:, 1] for s in axes.collections[0].get_segments()])
    np.testing.assert_allclose(ends, t[["lower", "upper"]])


def test_second_predictor_in_colours() -> None:
    legend = cake().plot.effects("temp", by="recipe").figure.legends[0]
    assert [text.get_text() for text in legend.get_texts()] == ["A", "B", "C"]
    assert len(cake().plot.effects("recipe", by="temp").figure.legends[0].get_texts()) == 3


def test_effects_of_a_linear_model() -> None:
    m = nw.lm("Reaction ~ poly(Days, 2)", nw.load_dataset("sleepstudy"))
    assert len(m.plot.effects("Days").get_lines()) == 1


def test_lines_of_groups() -> None:
    m = mixed("sleepstudy")
    found = group_lines(m.fit, m.source.data, "Days")
    new = {"Days": [0.0, 9.0], "Subject": ["309", "309"]}
    np.testing.assert_allclose(found.lines[1, [0, -1]], m.predict(new))
    coef = m.coef()
    slopes = coef[coef["term"] == "Days"]["estimate"]
    np.testing.assert_allclose(found.partial[:, 1], slopes, rtol=1e-6)
    for i, (_, rows) in enumerate(m.source.data.groupby("Subject", observed=True)):
        b = nw.lm("Reaction ~ Days", rows).params
        np.testing.assert_allclose(
            found.separate[i], [b.iloc[0] + 4.5 * b.iloc[1], b.iloc[1]], rtol=1e-8
        )
    spread = [np.std(found.separate[:, 1]), np.std(found.partial[:, 1])]
    assert spread[1] < spread[0]


def test_group_plots() -> None:
    axes = mixed("sleepstudy").plot.groups("Days")
    assert len(axes.figure.axes) == 2
    assert axes.figure.axes[1].get_title(loc="left") == "Shrinkage towards the population"
    assert picture(axes) == picture(mixed("sleepstudy").plot.groups("Days"))
    one_slope = mixed("sleepstudy_intercept").plot.groups("Days")
    assert one_slope.figure.axes[1].get_title(loc="left") == "Shrinkage of the levels"


def test_wild_estimates_of_tiny_groups_do_not_set_the_frame() -> None:
    m = nw.lmer("normexam ~ standLRT + (standLRT | school)", nw.load_dataset("Exam"))
    right = m.plot.groups("standLRT").figure.axes[1]
    assert right.get_ylim()[0] > -2
    assert any("beyond the frame" in text.get_text() for text in right.texts)


def test_unknown_predictors() -> None:
    m = cake()
    with pytest.raises(nw.NestwiseError, match="did you mean 'temp'"):
        m.plot.effects("tmep")
    with pytest.raises(nw.NestwiseError, match="did you mean 'recipe'"):
        m.plot.effects("temp", by="recip")
    with pytest.raises(nw.NestwiseError, match="not a number"):
        m.plot.groups("recipe")
    with pytest.raises(nw.NestwiseError, match="of linear mixed models only"):
        nw.lm("angle ~ temp", nw.load_dataset("cake")).plot.groups("temp")
