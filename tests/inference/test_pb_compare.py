"""Bootstrap likelihood-ratio tests, beside pbkrtest and beside exact tests."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from scipy.special import chdtrc, fdtrc

import nestwise as nw
from inference.r_models import ORACLE, table
from nestwise.inference import pb_compare as module
from nestwise.inference import pb_statistic

R: dict[str, Any] = json.loads((ORACLE / "resample.json").read_text(encoding="utf-8"))["orthodont"]


def _sleepstudy() -> tuple[nw.MixedModel, nw.MixedModel]:
    data = table("sleepstudy")
    return (
        nw.lmer("Reaction ~ 1 + (Days | Subject)", data),
        nw.lmer("Reaction ~ Days + (Days | Subject)", data),
    )


def test_beside_pbmodcomp() -> None:
    data = table("Orthodont")
    c = nw.pb_compare(nw.lmer(R["small"], data), nw.lmer(R["large"], data), n=1000, seed=1)
    assert c.statistic == pytest.approx(R["statistic"], abs=1e-4)
    t = c.tidy().set_index("test")
    assert t.loc["LRT", "p_value"] == pytest.approx(R["lrt_p"], rel=1e-4)
    error = np.sqrt(2.0 * R["pb_p"] * (1.0 - R["pb_p"]) / 1000)
    assert abs(c.p_value - R["pb_p"]) < 4.0 * error
    assert abs(c.simulated.mean() - R["mean"]) < 4.0 * np.sqrt(2.0 * 2.5 / 1000)


def test_moments_give_the_corrected_tests() -> None:
    data = table("Orthodont")
    c = nw.pb_compare(nw.lmer(R["small"], data), nw.lmer(R["large"], data), n=300, seed=3)
    t, mean = c.tidy().set_index("test"), c.simulated.mean()
    assert t.loc["Bartlett", "statistic"] == pytest.approx(c.statistic / mean)
    assert t.loc["Bartlett", "p_value"] == pytest.approx(chdtrc(1, c.statistic / mean))
    ddf = t.loc["F", "ddf"]
    assert ddf / (ddf - 2.0) == pytest.approx(mean)  # the mean of F
    assert t.loc["F", "p_value"] == pytest.approx(fdtrc(1, ddf, c.statistic))
    assert 0.0 < t.loc["Gamma", "p_value"] < 0.1


def test_linear_models_have_the_p_value_of_f() -> None:
    # The statistic is a monotone function of F, so that the bootstrap is exact up to chance.
    data = table("sleepstudy").iloc[:24].reset_index(drop=True)
    m0, m1 = nw.lm("Reaction ~ 1", data), nw.lm("Reaction ~ Days", data)
    exact = nw.anova(m0, m1)["p_value"][1]
    n = 4000
    p = nw.pb_compare(m0, m1, n=n, seed=1).p_value
    assert abs(p - exact) < 4.0 * np.sqrt(exact * (1.0 - exact) / n) + 1.0 / n


def test_order_and_criterion_do_not_matter() -> None:
    m0, m1 = _sleepstudy()
    a = nw.pb_compare(m0, m1, n=20, seed=1)
    b = nw.pb_compare(m1.update(REML=False), m0.update(REML=False), n=20, seed=1)
    assert a.statistic == pytest.approx(23.5365, abs=1e-3)
    np.testing.assert_allclose(a.simulated, b.simulated, atol=1e-5)
    assert a.p_value == b.p_value == 1.0 / 21.0


def test_cross_products_or_rows_are_drawn_from_one_distribution() -> None:
    m0, m1 = (m.update(REML=False) for m in _sleepstudy())
    n = 1500
    rows, cells = pb_statistic._by_rows(m0.fit, m1.fit), pb_statistic._by_cells(m0.fit, m1.fit)
    assert cells is not None
    draws = []
    for pair, seed in ((rows, 1), (cells, 2)):
        rng = np.random.default_rng(seed)
        draws.append(np.array([pair(rng) for _ in range(n)]))
    for a, b in zip(draws[0].T, draws[1].T, strict=True):
        assert abs(a.mean() - b.mean()) < 4.5 * a.std() * np.sqrt(2.0 / n)
        assert a.std() == pytest.approx(b.std(), rel=0.1)
    lrt = [d[:, 0] - d[:, 1] for d in draws]
    assert min(one.min() for one in lrt) > -1e-6
    quantiles = [np.quantile(one, [0.5, 0.75, 0.9]) for one in lrt]
    np.testing.assert_allclose(quantiles[0], quantiles[1], rtol=0.2)


def test_different_offsets_are_drawn_by_rows() -> None:
    data = table("sleepstudy")
    m0 = nw.lmer("Reaction ~ 1 + offset(10 * Days) + (1 | Subject)", data)
    m1 = nw.lmer("Reaction ~ Days + (1 | Subject)", data)
    assert pb_statistic._by_cells(m0.fit, m1.fit) is None
    c = nw.pb_compare(m0, m1, n=30, seed=1)
    assert c.n_failed == 0
    assert c.statistic < 10.0


def test_workers_do_not_change_the_answer() -> None:
    m0, m1 = _sleepstudy()
    one, two = (nw.pb_compare(m0, m1, n=30, seed=2, n_jobs=jobs) for jobs in (1, 2))
    np.testing.assert_array_equal(one.simulated, two.simulated)


@pytest.mark.parametrize("jobs", [1, 2])
def test_stopping_early(jobs: int) -> None:
    data = table("cake")
    m0 = nw.lmer("angle ~ temp + (1 | recipe:replicate)", data)
    m1 = nw.lmer("angle ~ recipe + temp + (1 | recipe:replicate)", data)
    whole = nw.pb_compare(m0, m1, n=200, seed=5)
    early = nw.pb_compare(m0, m1, n=200, seed=5, early_stop=10, n_jobs=jobs)
    reached = np.flatnonzero(whole.simulated >= whole.statistic - 1e-6)
    assert early.stopped_early
    assert early.n_done == reached[9] + 1
    assert early.p_value == pytest.approx(10.0 / early.n_done)
    assert "Stopped early" in repr(early)


def test_few_exceedances_do_not_stop() -> None:
    m0, m1 = _sleepstudy()
    c = nw.pb_compare(m0, m1, n=25, seed=1, early_stop=True)
    assert not c.stopped_early
    assert c.n_done == 25
    assert c.p_value == 1.0 / 26.0


def test_random_effects_lie_at_a_boundary_and_it_says_so() -> None:
    data = table("Dyestuff2")
    c = nw.pb_compare(nw.lm("Yield ~ 1", data), nw.lmer("Yield ~ 1 + (1 | Batch)", data), n=50)
    assert c.statistic == pytest.approx(0.0, abs=1e-6)
    assert c.p_value == 1.0
    assert c.tidy()["test"].tolist() == ["LRT", "PBtest"]
    assert "boundary" in c.tidy().attrs["note"]


def test_interruption_keeps_what_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    m0, m1 = _sleepstudy()
    whole = module.statistic_maker

    def maker(*args: Any) -> Any:
        one = whole(*args)

        def until(r: int) -> Any:
            if r == 7:
                raise KeyboardInterrupt
            return one(r)

        return until

    monkeypatch.setattr(module, "statistic_maker", maker)
    c = nw.pb_compare(m0, m1, n=50, seed=1)
    assert c.n_done == 7
    assert c.p_value == 1.0 / 8.0
    assert "Interrupted" in repr(c)


def test_bad_arguments() -> None:
    m0, m1 = _sleepstudy()
    with pytest.raises(nw.OptionError, match="n=0"):
        nw.pb_compare(m0, m1, n=0)
    with pytest.raises(nw.OptionError, match="early_stop=0"):
        nw.pb_compare(m0, m1, early_stop=0)
    with pytest.raises(nw.OptionError, match="neither is nested"):
        nw.pb_compare(m1, m1)
    with pytest.raises(nw.OptionError, match="fitted models, got str"):
        nw.pb_compare(m0, "m1")  # type: ignore[arg-type]
    with pytest.raises(nw.DataError, match="different rows"):
        nw.pb_compare(m0, nw.lmer("Reaction ~ Days + (1 | Subject)", table("sleepstudy")[:170]))
