"""What `max_evaluations` limits: one way down, not the further starts beside it."""

from __future__ import annotations

import pytest

import nestwise as nw

CBPP = nw.load_dataset("cbpp")
EXACT_STEPS = 24


@pytest.mark.parametrize("most", [1, 2])
def test_a_linear_mixed_model_stops_there(most: int) -> None:
    data = nw.load_dataset("sleepstudy")
    control = {"max_evaluations": most}
    m = nw.lmer("Reaction ~ Days + (Days | Subject)", data, control=control)
    assert (m.n_evaluations, m.fit.verdict.status) == (most, "not-converged")


@pytest.mark.parametrize("points", [1, 9])
def test_a_generalised_model_may_end_with_its_exact_curvature(points: int) -> None:
    formula, control = "incidence / size ~ period + (1 | herd)", {"max_evaluations": 1}
    m = nw.glmer(formula, CBPP, weights="size", nAGQ=points, control=control)
    assert 1 < m.n_evaluations <= 2 + EXACT_STEPS
    assert m.converged


def test_further_starts_count_for_themselves() -> None:
    formula, family = "incidence ~ period + (size | herd)", "negative_binomial"
    one = nw.glmer(formula, CBPP, family=family, control={"max_evaluations": 1})
    whole = nw.glmer(formula, CBPP, family=family)
    assert one.n_evaluations > 2 * EXACT_STEPS
    assert one.criterion == pytest.approx(whole.criterion, abs=1e-4)
