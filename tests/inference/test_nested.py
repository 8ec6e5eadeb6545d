"""Likelihood ratios of models that are not nested say so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

import nestwise as nw


def _data() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    g = np.repeat(np.arange(8), 6)
    x, z, u = rng.normal(size=48), rng.normal(size=48), rng.normal(size=8)
    y = 1.0 + 0.5 * x + u[g] + rng.normal(size=48)
    return pd.DataFrame({"y": y, "x": x, "z": z, "s": np.where(g % 2, "a", "b"), "g": g})


def _note(*models: Any) -> str:
    return str(nw.anova(*models).attrs.get("note", ""))


def _fit(fixed: str) -> Any:
    return nw.lmer(f"y ~ {fixed} + (1 | g)", _data(), REML=False)


def test_other_predictors() -> None:
    assert "not nested" in _note(_fit("z"), _fit("x + s"))


def test_the_same_space_in_other_words() -> None:
    assert "not nested" not in _note(_fit("I(2 * x + 1)"), _fit("x + s"))
    assert "not nested" not in _note(_fit("1"), _fit("0 + s"))


def test_links() -> None:
    data = _data().assign(b=lambda d: (d["y"] > 1.0).astype(int))
    small = nw.glmer("b ~ 1 + (1 | g)", data)
    assert "links differ" in _note(small, nw.glmer("b ~ x + (1 | g)", data, link="probit"))
    assert "nested" not in _note(small, nw.glmer("b ~ x + (1 | g)", data))


def test_distributions() -> None:
    data = _data().assign(c=lambda d: np.random.default_rng(3).negative_binomial(2, 0.3, len(d)))
    poisson = nw.glmer("c ~ x + (1 | g)", data, family="poisson")
    dispersed = nw.glmer("c ~ x + (1 | g)", data, family="negative_binomial")
    note = _note(poisson, dispersed)
    assert "at the limit of its dispersion" in note
    assert "not nested" not in note
    smaller = nw.glmer("c ~ 0 + (1 | g)", data, family="negative_binomial")
    assert "their distributions differ" in _note(smaller, poisson)
    normal = nw.lmer("c ~ x + (1 | g)", data, REML=False)
    assert "their distributions differ" in _note(poisson, normal)
    same = nw.glmer("c ~ x + s + (1 | g)", data, family="gaussian")
    assert "nested" not in _note(normal, same)
