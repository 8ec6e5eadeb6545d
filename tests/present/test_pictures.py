"""Every plot of `nestwise.plot`: not empty, its words readable, its data in its artists."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection

import nestwise as nw
from inference.r_models import linear, mixed, table
from nestwise.present.plots.labels import label_of
from present.pictures import check_picture

LONG = "prior_knowledge_of_mathematics_at_the_beginning_of_the_school_year_2024"


def schools() -> nw.MixedModel:
    formula = "math_gain ~ prior_math + ses + sex + intervention + (1 | school/classroom)"
    return nw.lmer(formula, nw.load_dataset("schools"))


def exam() -> nw.MixedModel:
    return nw.lmer("normexam ~ standLRT * type + (standLRT | school)", nw.load_dataset("Exam"))


def cake() -> nw.MixedModel:
    return nw.lmer("angle ~ recipe * temperature + (recipe | replicate)", nw.load_dataset("cake"))


def herds() -> nw.GeneralizedMixedModel:
    data = nw.load_dataset("cbpp")
    return nw.glmer("incidence / size ~ period + (1 | herd)", data, weights="size")


def comparison() -> nw.Approaches:
    data = nw.load_dataset("schools")
    formula = "math_gain ~ prior_math + ses + sex + intervention"
    return nw.compare_approaches(formula, data, groups=["school", "classroom"])


PICTURES: dict[str, Callable[[], Axes]] = {
    "histogram": lambda: nw.plot.histograms(nw.load_dataset("schools"), "math_gain"),
    "histograms": lambda: nw.plot.histograms(nw.load_dataset("sleepstudy"), "Reaction", "Subject"),
    "histograms with a long name": lambda: nw.plot.histograms(
        nw.load_dataset("schools").rename(columns={"math_gain": LONG}), LONG, "school"
    ),
    "pooling with a long name": lambda: nw.plot.pooling(
        nw.lmer(
            f"Reaction ~ {LONG} + (1 | Subject)",
            nw.load_dataset("sleepstudy").rename(columns={"Days": LONG}),
        ),
        LONG,
        levels=["308", "309", "310"],
    ),
    "histograms of many": lambda: nw.plot.histograms(nw.load_dataset("Exam"), "normexam", "school"),
    "spaghetti": lambda: nw.plot.spaghetti(
        nw.load_dataset("cake"), "temp", "angle", "replicate", by="recipe"
    ),
    "spaghetti of many": lambda: nw.plot.spaghetti(
        nw.load_dataset("Exam"), "standLRT", "normexam", "school"
    ),
    "pooling": lambda: nw.plot.pooling(mixed("sleepstudy"), "Days"),
    "pooling of many": lambda: nw.plot.pooling(exam(), "standLRT"),
    "pooling of one": lambda: nw.plot.pooling(mixed("sleepstudy"), "Days", levels=["308"]),
    "caterpillar": lambda: nw.plot.caterpillar(schools()),
    "caterpillar of many": lambda: nw.plot.caterpillar(exam()),
    "ranef_qq": lambda: nw.plot.ranef_qq(cake()),
    "ranef_correlation": lambda: nw.plot.ranef_correlation(cake()),
    "variance_shares": lambda: nw.plot.variance_shares({"a": schools(), "b": exam()}),
    "variance_shares of one": lambda: nw.plot.variance_shares(schools()),
    "checks": lambda: nw.plot.checks(mixed("sleepstudy")),
    "checks of lm": lambda: nw.plot.checks(linear("sleepstudy")),
    "residuals": lambda: nw.plot.residuals(schools(), "ses"),
    "qq": lambda: nw.plot.qq(schools()),
    "observed": lambda: nw.plot.observed_vs_predicted(schools()),
    "effects": lambda: nw.plot.effects(exam(), "standLRT", by="type"),
    "interaction": lambda: nw.plot.interaction(cake(), "temperature", by="recipe"),
    "interaction of numbers": lambda: nw.plot.interaction(exam(), "type", by="standLRT"),
    "groups": lambda: nw.plot.groups(mixed("sleepstudy"), "Days"),
    "groups, slopes alike": lambda: nw.plot.groups(schools(), "prior_math"),
    "approaches": lambda: nw.plot.approaches(comparison()),
    "variance_shares of glmer": lambda: nw.plot.variance_shares(herds()),
    "checks of glmer": lambda: nw.plot.checks(herds()),
    "effects of glmer": lambda: nw.plot.effects(herds(), "period"),
    "caterpillar of glmer": lambda: nw.plot.caterpillar(herds()),
    "profile": lambda: nw.plot.profile(mixed("dyestuff")),
}


@pytest.mark.parametrize("name", PICTURES)
def test_picture_is_readable(name: str) -> None:
    axes = PICTURES[name]()
    assert isinstance(axes, Axes)
    check_picture(axes)


def test_nothing_is_left_in_pyplot() -> None:
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    nw.plot.caterpillar(mixed("sleepstudy"))
    assert plt.get_fignums() == before


def test_histograms_count_every_row() -> None:
    data = nw.load_dataset("sleepstudy")
    every = nw.plot.histograms(data, "Reaction", "Subject").figure.axes
    assert [sum(bar.get_height() for bar in axes.patches) for axes in every] == [10.0] * 18
    means = data.groupby("Subject", observed=True)["Reaction"].mean()
    drawn = [np.asarray(axes.get_lines()[0].get_xdata())[0] for axes in every]
    np.testing.assert_allclose(drawn, means)


def test_histograms_say_what_they_leave_out() -> None:
    data = pd.DataFrame({"x": [1.5, np.nan, 3.0, 2.0]})
    legend = nw.plot.histograms(data, "x").figure.legends[0]
    assert legend.get_title().get_text() == "1 row without a value left out"
    with pytest.raises(nw.NestwiseError, match="no values to plot"):
        nw.plot.histograms(pd.DataFrame({"x": [np.nan, np.nan]}), "x")
    with pytest.raises(nw.NestwiseError, match="did you mean 'Reaction'"):
        nw.plot.histograms(nw.load_dataset("sleepstudy"), "Reacton")
    with pytest.raises(nw.NestwiseError, match="'Subject' holds no numbers"):
        nw.plot.histograms(nw.load_dataset("sleepstudy"), "Subject")


def test_many_groups_are_rows_sorted_by_mean() -> None:
    axes = nw.plot.histograms(nw.load_dataset("Exam"), "normexam", "school")
    line = np.asarray(axes.get_lines()[0].get_xdata(), dtype=float)
    assert line.size == 65
    assert np.all(np.diff(line) >= 0)


def test_spaghetti_joins_each_group_in_order() -> None:
    data = nw.load_dataset("sleepstudy").sample(frac=1.0, random_state=1)
    axes = nw.plot.spaghetti(data, "Days", "Reaction", "Subject")
    (lines,) = [c for c in axes.collections if isinstance(c, LineCollection)]
    assert len(lines.get_segments()) == 18
    assert all(np.all(np.diff(s[:, 0]) > 0) for s in lines.get_segments())
    mean = np.asarray(axes.get_lines()[1].get_ydata(), dtype=float)
    np.testing.assert_allclose(mean, data.groupby("Days")["Reaction"].mean())


def test_pooling_shows_the_data_and_three_lines() -> None:
    model = mixed("sleepstudy")
    axes = nw.plot.pooling(model, "Days", levels=["309", "308"])
    panels = axes.figure.axes
    assert [p.get_title(loc="left") for p in panels] == ["309", "308"]
    rows = model.source.data[model.source.data["Subject"] == "309"]
    np.testing.assert_allclose(panels[0].collections[0].get_offsets(), rows[["Days", "Reaction"]])
    alone, partial, population = panels[0].get_lines()
    own = nw.lm("Reaction ~ Days", rows).predict({"Days": [0.0, 9.0]})
    np.testing.assert_allclose(np.asarray(alone.get_ydata())[[0, -1]], own, rtol=1e-8)
    new = {"Days": [0.0, 9.0], "Subject": ["309", "309"]}
    np.testing.assert_allclose(np.asarray(partial.get_ydata())[[0, -1]], model.predict(new))
    whole = model.predict(new, re_form=None)
    np.testing.assert_allclose(np.asarray(population.get_ydata())[[0, -1]], whole)
    with pytest.raises(nw.NestwiseError, match="levels='307' is not known"):
        nw.plot.pooling(model, "Days", levels=["307"])
    with pytest.raises(nw.NestwiseError, match="of linear mixed models only"):
        linear("sleepstudy").plot.pooling("Days")


def test_random_effect_plots_show_the_modes() -> None:
    model = mixed("sleepstudy")
    effects = model.ranef()
    days = effects[effects["term"] == "Days"]["estimate"].to_numpy()
    level = effects[effects["term"] == "(Intercept)"]["estimate"].to_numpy()
    qq = model.plot.ranef_qq().figure.axes[1]
    (dots,) = [c for c in qq.collections if isinstance(c, PathCollection)]
    np.testing.assert_allclose(dots.get_offsets()[:, 1], np.sort(days))
    pair = model.plot.ranef_correlation()
    (dots,) = [c for c in pair.collections if isinstance(c, PathCollection)]
    np.testing.assert_allclose(dots.get_offsets(), np.column_stack([level, days]))
    ellipse = pair.get_lines()[-1]
    sd = model.varcorr()["sdcor"].to_numpy()
    widest = np.max(np.asarray(ellipse.get_xdata(), dtype=float))
    assert widest == pytest.approx(sd[0] * np.sqrt(5.9915), rel=1e-3)
    with pytest.raises(nw.NestwiseError, match="has one random effect only"):
        schools().plot.ranef_correlation()


def test_shares_are_those_of_the_decomposition() -> None:
    model = schools()
    axes = nw.plot.variance_shares(model)
    widths = [bar.get_width() for bar in axes.patches if bar.get_width() > 0]
    np.testing.assert_allclose(sorted(widths), sorted(model.variance_decomposition()["share"]))
    with pytest.raises(nw.NestwiseError, match="no mixed model with such shares"):
        nw.plot.variance_shares(linear("sleepstudy"))


def test_approaches_show_each_estimate() -> None:
    found = comparison()
    every = nw.plot.approaches(found, ["ses"]).figure.axes
    (axes,) = every
    table = found.table
    own = table[(table["term"] == "ses") & table["estimate"].notna()]
    dots = [c for c in axes.collections if isinstance(c, PathCollection)]
    drawn = np.concatenate([c.get_offsets()[:, 0] for c in dots])
    np.testing.assert_allclose(np.sort(drawn), np.sort(own["estimate"]))
    with pytest.raises(nw.NestwiseError, match="did you mean 'ses'"):
        nw.plot.approaches(found, ["sess"])


def test_interaction_joins_the_marginal_means() -> None:
    model = cake()
    lines = nw.plot.interaction(model, "temperature", by="recipe").get_lines()
    means = model.emmeans("temperature", by="recipe").table
    for line, name in zip(lines, "ABC", strict=True):
        own = means[means["recipe"] == name]["emmean"]
        np.testing.assert_allclose(np.asarray(line.get_ydata(), dtype=float), own)
    with pytest.raises(nw.NestwiseError, match="name another one"):
        nw.plot.interaction(model, "recipe", by="recipe")


def test_effects_of_glmer_are_on_the_scale_of_the_response() -> None:
    axes = nw.plot.effects(herds(), "period")
    means = herds().emmeans("period", type="response").table
    (dots,) = [c for c in axes.collections if isinstance(c, PathCollection)]
    np.testing.assert_allclose(dots.get_offsets()[:, 1], means["response"])
    ends = np.array([s[:, 1] for s in axes.collections[0].get_segments()])
    np.testing.assert_allclose(ends, means[["lower", "upper"]])
    assert axes.get_ylabel() == "Probability of incidence/size"


def test_residuals_of_each_kind_look_normal_when_the_model_is_right() -> None:
    rng = np.random.default_rng(3)
    group = np.repeat(np.arange(40), 12)
    eta = rng.normal(size=40)[group]
    counts = pd.DataFrame({"y": rng.poisson(np.exp(0.3 + eta)), "g": group})
    model = nw.glmer("y ~ 1 + (1 | g)", counts, family="poisson")
    axes = model.plot.qq()
    assert axes.get_ylabel() == "Quantile residual"
    values = np.sort(axes.collections[0].get_offsets()[:, 1])
    assert abs(values.mean()) < 0.15
    assert 0.85 < values.std() < 1.15
    sleep = nw.load_dataset("sleepstudy")
    gls = nw.gls("Reaction ~ Days", sleep, residual="ar1(Days | Subject)")
    assert gls.plot.qq().get_ylabel() == "Normalised residual"
    with pytest.raises(nw.NestwiseError, match="this model has none"):
        gls.plot.caterpillar()


def test_residuals_against_a_column_that_is_not_in_the_model() -> None:
    data = nw.load_dataset("schools")
    model = nw.lm("math_gain ~ prior_math", data)
    axes = model.plot.residuals("ses")
    np.testing.assert_allclose(axes.collections[0].get_offsets()[:, 0], data["ses"])
    with pytest.raises(nw.NestwiseError, match="did you mean 'ses'"):
        model.plot.residuals("sess")


def test_the_callers_own_axes() -> None:
    from nestwise.present.plots.canvas import new_axes

    left, right = new_axes(n_columns=2)
    assert mixed("sleepstudy").plot.qq(ax=right) is right
    assert nw.plot.spaghetti(table("sleepstudy"), "Days", "Reaction", "Subject", ax=left) is left


def test_labels_and_units_come_from_the_data() -> None:
    data = nw.load_dataset("sleepstudy")
    assert nw.plot.spaghetti(data, "Days", "Reaction", "Subject").get_ylabel() == "Reaction (ms)"
    data.attrs["labels"] = {"Days": "Days without sleep"}
    model = nw.lmer("Reaction ~ Days + (Days | Subject)", data)
    assert model.plot.effects("Days").get_xlabel() == "Days without sleep"
    assert model.plot.effects("Days").get_ylabel() == "Marginal mean of Reaction (ms)"
    arrow = pa.table({"y": [1.0]}).cast(
        pa.schema([pa.field("y", pa.float64(), metadata={"label": "Weight", "unit": "kg"})])
    )
    assert label_of(arrow, "y") == "Weight (kg)"
    assert label_of(pl.DataFrame({"y": [1.0]}), "y") == "y"
