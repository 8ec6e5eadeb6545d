"""Approaches side by side against R's lm, lmList, aggregate and lmer (oracle approaches.R)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import nestwise as nw
from nestwise._base.errors import DataError, FormulaError, OptionError

EXAM = "normexam ~ standLRT + sex + schgend"
GAIN = "mathgain ~ mathkind + sex + ses + mathprep + mathknow"
COLUMNS = ("estimate", "std_error", "df", "statistic", "p_value")


@pytest.fixture(scope="module")
def exam() -> nw.Approaches:
    return nw.compare_approaches(EXAM, nw.load_dataset("Exam"), groups="school")


@pytest.fixture
def rooms(shared_file: Callable[[str], Path]) -> nw.Approaches:
    data = pd.read_csv(shared_file("classroom.csv"))
    return nw.compare_approaches(GAIN, data, groups=["schoolid", "classid"])


def _agree(found: nw.Approaches, approach: str, groups: str, expected: Any) -> None:
    """Five digits of all that R answered, and R's measures of fit."""
    table = found.table
    part = table[(table["approach"] == approach) & (table["groups"] == groups)].set_index("term")
    for name in COLUMNS:
        if name in expected:
            answer = np.array(expected[name], dtype=float)
            rtol = 2e-4 if name in ("df", "p_value") else 1e-5
            ours = part.loc[expected["term"], name]
            np.testing.assert_allclose(ours, answer, rtol=rtol, atol=1e-300, err_msg=name)
    row = part.iloc[0]
    assert row["sigma"] == pytest.approx(expected["sigma"], rel=1e-5)
    assert row["n_par"] == expected["n_par"]
    if "r2" in expected:
        assert row["r2"] == pytest.approx(expected["r2"], rel=1e-9)
    if "aic" in expected and approach != "aggregated means":
        assert row["aic"] == pytest.approx(expected["aic"], rel=1e-8)


@pytest.mark.parametrize(
    ("case", "approach", "groups"),
    [
        ("pooled", "pooled", ""),
        ("means", "aggregated means", "school"),
        ("random", "random intercept", "school"),
        ("slopes", "random slopes", "school"),
    ],
)
def test_london_schools(
    case: str, approach: str, groups: str, exam: nw.Approaches, oracle: Callable[[str], Any]
) -> None:
    _agree(exam, approach, groups, oracle("approaches")["exam"][case])


def test_london_schools_one_covariate(oracle: Callable[[str], Any]) -> None:
    data, expected = nw.load_dataset("Exam"), oracle("approaches")["exam"]
    one = nw.compare_approaches("normexam ~ standLRT", data, groups="school")
    _agree(one, "regression per group", "school", expected["separate"])
    _agree(one, "fixed effects and interactions", "school", expected["crossed"])
    two = nw.compare_approaches("normexam ~ standLRT + sex", data, groups="school")
    _agree(two, "fixed effects", "school", expected["fixed"])


@pytest.mark.parametrize(
    ("case", "approach", "groups"),
    [
        ("pooled", "pooled", ""),
        ("means_school", "aggregated means", "schoolid"),
        ("means_class", "aggregated means", "classid"),
        ("separate_school", "regression per group", "schoolid"),
        ("random_school", "random intercept", "schoolid"),
        ("random_class", "random intercept", "classid"),
        ("nested", "nested intercepts", "schoolid, classid"),
    ],
)
def test_classrooms(
    case: str, approach: str, groups: str, rooms: nw.Approaches, oracle: Callable[[str], Any]
) -> None:
    _agree(rooms, approach, groups, oracle("approaches")["rooms"][case])


def test_classrooms_as_coefficients(
    rooms: nw.Approaches, oracle: Callable[[str], Any], shared_file: Callable[[str], Path]
) -> None:
    expected = oracle("approaches")["rooms"]
    _agree(rooms, "fixed effects", "schoolid", expected["fixed_school"])
    data = pd.read_csv(shared_file("classroom.csv")).dropna(subset=["mathknow"])
    lower = nw.compare_approaches("mathgain ~ mathkind + sex + ses", data, groups="classid")
    _agree(lower, "fixed effects", "classid", expected["fixed_class"])


def test_shares_of_variance(rooms: nw.Approaches, oracle: Callable[[str], Any]) -> None:
    of_class, of_school, of_rows = oracle("approaches")["rooms"]["shares"]
    table = rooms.variances
    assert table["level"].tolist() == ["schoolid", "classid", "rows"]
    np.testing.assert_allclose(table["share_null"], [of_school, of_class, of_rows], rtol=1e-4)
    np.testing.assert_allclose(table["icc"][:2], [of_school, of_school + of_class], rtol=1e-4)


def test_design_effects_are_those_of_the_variance_of_a_mean(rooms: nw.Approaches) -> None:
    table = rooms.variances.set_index("level")
    design = rooms.found.setup.design
    n = design.y.size
    V = table.loc["rows", "variance_null"] * np.eye(n)
    for factor in design.factors:
        same = factor.codes[:, None] == factor.codes[None, :]
        V += table.loc[factor.name, "variance_null"] * same
    ratio = V.mean() * n / V[0, 0]
    assert table.loc["rows", "design_effect"] == pytest.approx(ratio, rel=1e-10)
    assert table.loc["rows", "n_effective"] == pytest.approx(n / ratio, rel=1e-10)


def test_rows_in_another_order_change_nothing(exam: nw.Approaches) -> None:
    data = nw.load_dataset("Exam").sample(frac=1, random_state=5)
    again = nw.compare_approaches(EXAM, data, groups="school")
    pd.testing.assert_frame_equal(again.table, exam.table, rtol=1e-6)


def test_what_each_approach_can_estimate(exam: nw.Approaches) -> None:
    known = exam.table.assign(known=exam.table["estimate"].notna())
    wide = known.pivot(index="approach", columns="term", values="known")
    assert wide["standLRT"].all()
    girls = wide["schgendgirls"]
    assert girls[["pooled", "aggregated means", "random intercept", "random slopes"]].all()
    assert not girls[["regression per group", "fixed effects"]].any()
    table = exam.table.set_index(["approach", "term"])
    assert table.loc[("fixed effects", "schgendgirls"), "reason"] == "constant within school"
    assert table.loc[("pooled", "schgendgirls"), "level"] == "school"
    assert (exam.table["reason"] == "").eq(exam.table["estimate"].notna()).all()


def test_standard_errors_against_the_multilevel_model(exam: nw.Approaches) -> None:
    assert exam.reference == "random intercept"
    table = exam.table.set_index(["approach", "term"])
    pooled, true = table.loc["pooled"], table.loc["random intercept"]
    assert true["se_ratio"].eq(1.0).all()
    np.testing.assert_allclose(pooled["se_ratio"], pooled["std_error"] / true["std_error"])
    assert pooled.loc["schgendgirls", "se_ratio"] < 0.4
    # Girls in girls' schools against girls in mixed schools: certain when pooled, not with schools.
    assert pooled.loc["schgendgirls", "p_value"] < 1e-6
    assert true.loc["schgendgirls", "p_value"] > 0.01


def test_notes_on_the_london_schools(exam: nw.Approaches) -> None:
    notes = {note.code: f"{note.message} {note.advice}" for note in exam.notes}
    assert "schgendgirls" in notes["pooled-standard-errors"]
    assert "4054 degrees of freedom" in notes["pooled-standard-errors"]
    assert "65 of 4059 rows" in notes["aggregated-information"]
    assert "standLRT has the slope" in notes["ecological-fallacy"]
    assert "take 64 degrees of freedom" in notes["fixed-effects-cost"]
    assert "The slopes differ" in notes["random-slopes"]


def test_within_and_between(exam: nw.Approaches) -> None:
    one = nw.compare_approaches("normexam ~ standLRT", nw.load_dataset("Exam"), groups="school")
    row = one.slopes.iloc[0]
    table = one.table.set_index(["approach", "term"])["estimate"]
    assert row["within"] == table[("fixed effects", "standLRT")]
    assert row["between"] == table[("aggregated means", "standLRT")]
    context = nw.lmer(
        "normexam ~ standLRT + group_mean(standLRT, school) + (1 | school)",
        nw.load_dataset("Exam"),
    )
    assert row["difference"] == pytest.approx(context.params.iloc[2], rel=1e-6)
    assert row["p_value"] == pytest.approx(context.pvalues.iloc[2], rel=1e-4)


def test_a_group_mean_and_its_rounded_twin_are_one() -> None:
    data = nw.load_dataset("Exam")
    found = nw.compare_approaches("normexam ~ standLRT + schavg", data, groups="school")
    table = found.table.set_index(["approach", "term"])
    row = table.loc[("aggregated means", "schavg")]
    assert np.isnan(row["estimate"])
    assert "the means over school of the other predictors determine it" in row["reason"]
    assert abs(table.loc[("aggregated means", "standLRT"), "estimate"] - 0.884) < 0.001


def test_effects_that_agree_are_no_fallacy() -> None:
    data = nw.simulate_schools(20, 60, 900, seed=11)
    found = nw.compare_approaches("math_gain ~ prior_math", data, groups="classroom")
    codes = [note.code for note in found.notes]
    assert "ecological-fallacy" not in codes


def test_models_are_as_if_fitted_by_themselves(exam: nw.Approaches) -> None:
    data = nw.load_dataset("Exam")
    assert str(exam.models["pooled"].summary()) == str(nw.lm(EXAM, data).summary())
    mixed = nw.lmer(f"{EXAM} + (1 | school)", data)
    assert str(exam.models["random intercept"].summary()) == str(mixed.summary())
    separate = exam.models["regression per group"]
    assert separate.formula == f"{EXAM} | school"
    np.testing.assert_array_equal(separate.fit.beta, nw.lm_list(separate.formula, data).fit.beta)


def test_slopes_are_chosen(exam: nw.Approaches) -> None:
    assert "(1 + standLRT | school)" in exam.models["random slopes"].formula
    asked = nw.compare_approaches(EXAM, nw.load_dataset("Exam"), groups="school", slopes=["sex"])
    assert "(1 + sex | school)" in asked.models["random slopes"].formula
    with pytest.raises(OptionError, match="slopes: 'standlrt' is no term.*did you mean"):
        nw.compare_approaches(EXAM, nw.load_dataset("Exam"), groups="school", slopes="standlrt")


def test_the_tutorial_and_the_simulated_schools() -> None:
    tutorial = nw.compare_approaches(
        "math_score ~ intervention * ses", nw.load_dataset("hlm_tutorial"), groups="classroom_id"
    )
    lost = tutorial.table.query("approach == 'regression per group' and estimate.isna()")
    assert lost["term"].tolist() == ["intervention", "intervention:ses"]
    schools = nw.compare_approaches(
        "math_gain ~ prior_math + intervention + ses + sex",
        nw.load_dataset("schools"),
        groups=["school", "classroom"],
    )
    failed = schools.approaches.query("problem != ''")
    assert failed[["approach", "groups"]].values.tolist() == [["aggregated means", "school"]]
    assert "approach-failed" in [note.code for note in schools.notes]
    assert "level-left-out" in [note.code for note in schools.notes]
    assert "prior_math | classroom" in schools.models["random slopes"].formula


def test_labels_that_start_anew() -> None:
    data = nw.simulate_schools(seed=3)
    plain = nw.compare_approaches("math_gain ~ ses", data, groups=["school", "classroom"])
    room = data.groupby("school", observed=True)["classroom"].transform(
        lambda c: pd.factorize(c)[0] + 1
    )
    anew = nw.compare_approaches(
        "math_gain ~ ses", data.assign(classroom=room), groups=["school", "classroom"]
    )
    ours = anew.table.replace({"school, school:classroom": "school, classroom"})
    ours = ours.replace({"school:classroom": "classroom"})
    nested = "approach == 'nested intercepts'"
    pd.testing.assert_frame_equal(
        ours.query(nested)[["estimate", "std_error"]],
        plain.table.query(nested)[["estimate", "std_error"]],
        rtol=1e-7,
    )
    assert "implicit-nesting" in [note.code for note in anew.notes]


def test_crossed_groups() -> None:
    found = nw.compare_approaches(
        "diameter ~ 1", nw.load_dataset("Penicillin"), groups=["plate", "sample"]
    )
    assert "(1 | sample) + (1 | plate)" in found.approaches["formula"].tolist()[-1]


def test_all_approaches_use_the_same_rows() -> None:
    data = nw.load_dataset("Exam")
    data.loc[3:9, "sex"] = np.nan
    data.loc[20, "normexam"] = np.nan
    found = nw.compare_approaches(EXAM, data, groups="school")
    assert found.notes[0].code == "rows-left-out"
    rows = found.approaches.set_index("approach")["n_rows"]
    assert rows.drop("aggregated means").eq(4059 - 8).all()
    complete = nw.compare_approaches(EXAM, data.dropna(), groups="school")
    pd.testing.assert_frame_equal(found.table, complete.table)


def test_it_prints_and_shows_itself(exam: nw.Approaches) -> None:
    text = str(exam)
    assert text.startswith("Approaches to normexam")
    assert max(len(line) for line in text.splitlines()) <= 100
    for note in exam.notes:
        assert " ".join(note.message.split()) in " ".join(text.split())
    assert exam._repr_html_().count("<table>") == 2 + len(exam.table["term"].unique())
    from_polars = nw.compare_approaches(
        EXAM, pl.from_pandas(nw.load_dataset("Exam")), groups="school"
    )
    assert isinstance(from_polars.table, pl.DataFrame)


def test_what_cannot_be_compared_is_refused() -> None:
    data = nw.load_dataset("Exam")
    with pytest.raises(FormulaError, match="fixed part only"):
        nw.compare_approaches("normexam ~ standLRT + (1 | school)", data, groups="school")
    with pytest.raises(DataError, match="'scool' is not in the data; did you mean 'school'"):
        nw.compare_approaches(EXAM, data, groups="scool")
    with pytest.raises(OptionError, match="a single group"):
        nw.compare_approaches("normexam ~ standLRT", data[data["school"] == "1"], groups="school")


FORMULAS = ("y ~ x", "y ~ x * f", "y ~ 1", "y ~ z", "y ~ 0 + x", "y ~ poly(x, 2) + k")


@pytest.mark.parametrize("seed", range(12))
def test_any_table_is_compared_or_refused_in_words(seed: int) -> None:
    """Few rows, single rows, crossed and repeated labels: a reason where there is no number."""
    rng = np.random.default_rng(seed)
    n, n_a, n_b = (int(rng.integers(*limits)) for limits in ((10, 90), (2, 10), (2, 15)))
    a, b = rng.integers(0, n_a, n), rng.integers(0, n_b, n)
    data = pd.DataFrame({"a": a, "b": b, "x": rng.standard_normal(n), "k": a % 2})
    data["f"] = rng.choice(list("uvw"), n)
    data["z"] = rng.standard_normal(n_a)[a]
    data["y"] = data["x"] + rng.standard_normal(n_a)[a] + rng.standard_normal(n)
    refusals = []
    for groups in ("a", ["a", "b"], "a/b"):
        try:
            found = nw.compare_approaches(FORMULAS[seed % len(FORMULAS)], data, groups=groups)
        except DataError as problem:
            refusals.append(str(problem))
            continue
        assert (found.table["reason"] == "").eq(found.table["estimate"].notna()).all()
        assert (found.approaches["problem"] == "").any()
        assert str(found)
        assert found._repr_html_()
    assert all("levels for" in told for told in refusals)  # as many groups as rows


@pytest.fixture(scope="module")
def weighted() -> tuple[pd.DataFrame, nw.Approaches]:
    rng = np.random.default_rng(4)
    data = nw.load_dataset("Exam").iloc[:600].reset_index(drop=True)
    data["w"] = rng.uniform(0.5, 3.0, len(data)).round(2)
    data["o"] = rng.normal(size=len(data)).round(2)
    found = nw.compare_approaches(
        "normexam ~ standLRT + sex", data, groups="school", weights="w", offset="o"
    )
    return data, found


def _rows(found: nw.Approaches, approach: str) -> pd.DataFrame:
    table = found.table
    return table[table["approach"] == approach].set_index("term")


def test_weights_and_offset_are_those_of_each_model_by_itself(
    weighted: tuple[pd.DataFrame, nw.Approaches],
) -> None:
    data, found = weighted
    known: dict[str, Any] = {"weights": "w", "offset": "o"}
    data = data.assign(school=data["school"].astype(str))
    alone = {
        "pooled": nw.lm("normexam ~ standLRT + sex", data, **known),
        "fixed effects": nw.lm("normexam ~ standLRT + sex + school", data, **known),
        "random intercept": nw.lmer("normexam ~ standLRT + sex + (1 | school)", data, **known),
        "random slopes": nw.lmer(
            "normexam ~ standLRT + sex + (1 + standLRT | school)", data, **known
        ),
    }
    for name, model in alone.items():
        mine, terms = _rows(found, name), ["standLRT", "sexM"]
        np.testing.assert_allclose(mine.loc[terms, "estimate"], model.params[terms], rtol=1e-5)
        np.testing.assert_allclose(mine.loc[terms, "std_error"], model.bse[terms], rtol=1e-5)
        assert mine["sigma"].iloc[0] == pytest.approx(model.sigma, rel=1e-6)
    dummies = _rows(found, "fixed effects").iloc[0]
    assert dummies["aic"] == pytest.approx(alone["fixed effects"].aic, rel=1e-9)
    share = float(alone["fixed effects"].glance()["r_squared"].iloc[0])
    assert dummies["r2"] == pytest.approx(share, rel=1e-9)
    assert dummies["estimate"] == pytest.approx(alone["fixed effects"].params.iloc[0], rel=1e-8)
    assert dummies["std_error"] == pytest.approx(alone["fixed effects"].bse.iloc[0], rel=1e-8)


def test_weighted_means_and_regressions_per_group(
    weighted: tuple[pd.DataFrame, nw.Approaches],
) -> None:
    data, found = weighted
    own = data.assign(y=data["normexam"] - data["o"], sexM=(data["sex"] == "M") * 1.0)
    means = pd.DataFrame(
        [
            {c: np.average(part[c], weights=part["w"]) for c in ("y", "standLRT", "sexM")}
            for _, part in own.groupby("school")
        ]
    )
    model = nw.lm("y ~ standLRT + sexM", means)
    mine = _rows(found, "aggregated means")
    np.testing.assert_allclose(mine["estimate"], model.params, rtol=1e-9)
    np.testing.assert_allclose(mine["std_error"], model.bse, rtol=1e-9)
    one = nw.compare_approaches(
        "normexam ~ standLRT + offset(o)", data, groups="school", weights=data["w"].to_numpy()
    )
    many = nw.lm_list("normexam ~ standLRT | school", data, weights="w", offset="o")
    average = many.coef().groupby("term", sort=False)["estimate"].mean()
    mine = _rows(one, "regression per group")
    np.testing.assert_allclose(mine["estimate"], average, rtol=1e-8)
    interactions = nw.lm("normexam ~ standLRT * factor(school)", data, weights="w", offset="o")
    assert mine["aic"].iloc[0] == pytest.approx(interactions.aic, rel=1e-9)
    assert one.models["random intercept"].fit.design.weights is not None


def test_weights_equal_to_one_change_nothing(exam: nw.Approaches) -> None:
    data = nw.load_dataset("Exam")
    same = nw.compare_approaches(
        exam.found.setup.formula,
        exam.data,
        groups="school",
        weights=np.ones(len(data)),
        offset=np.zeros(len(data)),
    )
    a, b = exam.table, same.table
    numbers = ["estimate", "std_error", "p_value", "sigma", "r2", "aic"]
    np.testing.assert_allclose(a[numbers], b[numbers], rtol=1e-6, atol=1e-9)


def test_weights_of_dropped_rows_go_too() -> None:
    data = nw.load_dataset("Exam").iloc[:300].reset_index(drop=True)
    data.loc[[4, 70], "standLRT"] = np.nan
    weights = np.linspace(1.0, 2.0, 300)
    found = nw.compare_approaches("normexam ~ standLRT", data, groups="school", weights=weights)
    by_hand = nw.lm("normexam ~ standLRT", data, weights=weights)
    np.testing.assert_allclose(_rows(found, "pooled")["estimate"], by_hand.params, rtol=1e-10)
    with pytest.raises(nw.DataError, match="did you mean 'standLRT'"):
        nw.compare_approaches("normexam ~ standLRT", data, groups="school", weights="standLR")
