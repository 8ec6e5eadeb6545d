"""The exact Hessian agrees with the verdict, and notices when it should not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import nestwise as nw
from nestwise.inference.convergence import convergence_check

MODELS = [
    ("Reaction ~ Days + (Days | Subject)", "sleepstudy", "converged"),
    ("Yield ~ 1 + (1 | Batch)", "Dyestuff2", "singular"),
    (
        "math_score ~ intervention * ses + (intervention | classroom_id)",
        "hlm_tutorial",
        "not-identifiable",
    ),
    ("diameter ~ 1 + (1 | plate) + (1 | sample)", "Penicillin", "converged"),
    ("diameter ~ plate + (1 | plate) + (1 | sample)", "Penicillin", "not-identifiable"),
]


@pytest.mark.parametrize(("formula", "data", "status"), MODELS)
def test_the_verdict_is_confirmed(formula: str, data: str, status: str) -> None:
    check = nw.lmer(formula, nw.load_dataset(data)).convergence_check()
    assert check.status == status
    assert check.agrees
    assert check.steps < 1e-3
    assert f"agrees with the verdict '{status}'" in str(check)


def test_a_flat_direction_may_lead_out_of_the_parameter_space() -> None:
    # Two factors with the same levels, and no variation between these: both variances are zero.
    data = nw.load_dataset("Dyestuff2")
    data["Twin"] = data["Batch"].astype(str) + "t"
    model = nw.lmer("Yield ~ 1 + (1 | Batch) + (1 | Twin)", data)
    check = model.convergence_check()
    assert (check.status, check.agrees) == ("not-identifiable", True)
    assert check.eigenvalues.shape == (1,)


def test_a_point_that_is_no_optimum_is_noticed() -> None:
    fit = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy")).fit
    moved = replace(fit, working_theta=fit.working_theta * np.array([1.2, 1.0, 1.0]))
    check = convergence_check(moved)
    assert not check.agrees
    assert check.steps > 0.1
    assert "contradicts" in str(check)


def test_a_fit_that_gave_up_is_not_contradicted() -> None:
    model = nw.lmer(
        "diameter ~ 1 + (1 | plate) + (1 | sample)",
        nw.load_dataset("Penicillin"),
        control={"max_evaluations": 2},
    )
    check = model.convergence_check()
    assert (check.status, check.agrees) == ("not-converged", True)


def test_the_eigenvalues_do_not_depend_on_units() -> None:
    data = nw.load_dataset("sleepstudy")
    a = nw.lmer("Reaction ~ Days + (Days | Subject)", data).convergence_check()
    scaled = data.assign(Days=data["Days"] * 1e4, Reaction=data["Reaction"] / 1e3)
    b = nw.lmer("Reaction ~ Days + (Days | Subject)", scaled).convergence_check()
    np.testing.assert_allclose(a.eigenvalues, b.eigenvalues, rtol=1e-3)
