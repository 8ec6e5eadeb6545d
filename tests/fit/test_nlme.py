"""gls and lme of nlme: log-likelihoods, coefficients, standard errors and residual parameters."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nestwise as nw
from fit.dense_residuals import blocks, correlation, lags, loglik
from nestwise._base.arrays import FloatArray

Oracle = Callable[[str], Any]
Shared = Callable[[str], Path]

FULL = "distance ~ age * Sex"
ORTHODONT = {
    "cs": ("cs(age | Subject)", None),
    "csh": ("csh(age | Subject)", None),
    "ar1": ("ar1(age | Subject)", None),
    "ar1_ml": ("ar1(age | Subject)", None),
    "ar1h": ("ar1h(age | Subject)", None),
    "us": ("us(age | Subject)", None),
    "us_ml": ("us(age | Subject)", None),
    "toep": ("toep(age | Subject)", None),
    "toeph": ("toeph(age | Subject)", None),
    "car1": ("car1(age | Subject)", None),
    "exp": ("exp(age | Subject)", None),
    "gau": ("gau(age | Subject)", None),
    "exp_nugget": ("exp_nugget(age | Subject)", None),
    "ident": (None, "Sex"),
    "power": ("ar1(age | Subject)", "power(age)"),
    "exponential": (None, "exp(age)"),
    "cs_sex": ("cs(age | Subject)", "Sex"),
}


def numbers(values: Any) -> FloatArray:
    return np.atleast_1d(np.array(values, dtype=np.float64))


def check(model: Any, known: dict[str, Any], tolerance: float = 1e-6) -> None:
    """Log-likelihood to 1e-6, coefficients and standard errors to 4 digits.

    A larger tolerance is for optima where nlme itself stops early: ours may then be better only.
    """
    assert model.loglik == pytest.approx(known["loglik"], abs=tolerance)
    assert model.loglik >= known["loglik"] - 4e-7
    scale = numbers(known["se"])
    np.testing.assert_allclose(
        (np.asarray(model.params) - numbers(known["fixef"])) / scale, 0.0, atol=2e-4
    )
    np.testing.assert_allclose(np.asarray(model.bse), scale, rtol=2e-4)
    assert model.converged


def estimate(model: Any, term: str) -> float:
    table = model.residual_parameters()
    return float(table.loc[table["term"] == term, "estimate"].iloc[0])


@pytest.fixture
def orthodont(shared_file: Shared) -> pd.DataFrame:
    return pd.read_csv(shared_file("Orthodont.csv"))


@pytest.mark.parametrize("name", ORTHODONT)
def test_orthodont(name: str, oracle: Oracle, orthodont: pd.DataFrame) -> None:
    known = dict(oracle("nlme_models")[f"o_{name}"])
    residual, variance = ORTHODONT[name]
    ml = name.endswith("_ml")
    if ml:  # gls prints the standard errors of ML fits with a factor n / (n - p)
        known["se"] = numbers(known["se"]) * np.sqrt(104 / 108)
    m = nw.gls(FULL, orthodont, residual=residual, variance=variance, REML=not ml)
    check(m, known)
    if name in ("cs", "ar1", "ar1h", "csh"):
        assert estimate(m, "rho") == pytest.approx(known["cor"], rel=1e-4)
    if name == "car1":
        assert estimate(m, "phi") == pytest.approx(known["cor"], rel=1e-4)
    if name == "exp_nugget":
        assert estimate(m, "nugget") == pytest.approx(known["cor"][1], rel=1e-3)
    if name in ("power",):
        assert estimate(m, "power") == pytest.approx(known["var"], rel=1e-3)


DENSE = ["us", "cs", "csh", "ar1", "ar1h", "ad", "adh", "toep", "toeph", "car1", "exp", "gau"]


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("name", [*DENSE, "exp_nugget", "gau_nugget"])
def test_the_dense_definition(name: str, reml: bool, orthodont: pd.DataFrame) -> None:
    """The log-likelihood from n x n matrices at our natural parameters, with visits missing."""
    data = orthodont.drop(index=[3, 17, 18, 40, 77]).reset_index(drop=True)
    m = nw.gls(FULL, data, residual=f"{name}(age | Subject)", REML=reml)
    table = m.residual_parameters()
    terms, values = table["term"].tolist(), table["estimate"].to_numpy()
    ratios = np.array([v for t, v in zip(terms, values, strict=True) if t.startswith("sd[")])
    rest = [v for t, v in zip(terms, values, strict=True) if t != "sigma" and t[:3] != "sd["]
    index = ((data["age"] - 8) / 2).to_numpy().astype(np.float64)
    kind = name.removesuffix("_nugget")
    kind = kind[:-1] if kind[-1] == "h" else kind
    C = correlation(kind, np.array(rest), index, data["age"].to_numpy(np.float64))
    sd = np.ones(len(data)) if not len(ratios) else np.append(1.0, ratios)[index.astype(int)]
    male = (data["Sex"] == "Male").to_numpy(np.float64)
    age = data["age"].to_numpy(np.float64)
    X = np.column_stack([np.ones(len(data)), age, male, age * male])
    V = blocks(pd.factorize(data["Subject"])[0].astype(np.float64), C * np.outer(sd, sd))
    value, beta, se, sigma = loglik(data["distance"].to_numpy(np.float64), X, V, reml=reml)
    assert m.loglik == pytest.approx(value, abs=1e-8)
    np.testing.assert_allclose(np.asarray(m.params), beta, rtol=1e-7)
    np.testing.assert_allclose(np.asarray(m.bse), se, rtol=1e-7)
    assert m.sigma == pytest.approx(sigma, rel=1e-8)


def test_growth_curve(oracle: Oracle, orthodont: pd.DataFrame) -> None:
    known = oracle("nlme_models")["o_growth"]
    m = nw.lmer("distance ~ age + (age | Subject)", orthodont)
    check(m, known)
    sd = m.varcorr()["sdcor"].to_numpy()
    np.testing.assert_allclose(sd, [2.3270, 0.22643, -0.609, 1.31004], rtol=1e-3)


@pytest.mark.parametrize(
    ("name", "bar", "settings"),
    [
        ("o_growth_ident", "(1 | Subject)", {"variance": "Sex"}),
        ("o_growth_ident_slope", "(age | Subject)", {"variance": "Sex"}),
        ("o_growth_ar1", "(1 | Subject)", {"residual": "ar1(age | Subject)"}),
        ("o_intercept", "(1 | Subject)", {}),
    ],
)
def test_growth_curves_with_structured_residuals(
    name: str, bar: str, settings: dict[str, str], oracle: Oracle, orthodont: pd.DataFrame
) -> None:
    check(nw.lmer(f"{FULL} + {bar}", orthodont, **settings), oracle("nlme_models")[name])


def test_compound_symmetry_is_a_random_intercept(orthodont: pd.DataFrame) -> None:
    a = nw.gls(FULL, orthodont, residual="cs(age | Subject)")
    b = nw.lmer(f"{FULL} + (1 | Subject)", orthodont)
    assert a.loglik == pytest.approx(b.loglik, abs=1e-8)


OVARY = "follicles ~ sin(2 * pi * Time) + cos(2 * pi * Time)"


@pytest.mark.parametrize(
    ("name", "bar", "residual"),
    [
        ("ovary_gls", "", "ar1(1 | Mare)"),
        ("ovary_car1", "", "car1(Time | Mare)"),
        ("ovary_lme", " + (1 | Mare)", "ar1(1 | Mare)"),
        ("ovary_lme_slope", " + diag(1 + sin(2 * pi * Time) | Mare)", "ar1(1 | Mare)"),
    ],
)
def test_ovary(name: str, bar: str, residual: str, oracle: Oracle, shared_file: Shared) -> None:
    data, known = pd.read_csv(shared_file("Ovary.csv")), oracle("nlme_models")[name]
    m = (nw.lmer if bar else nw.gls)(OVARY + bar, data, residual=residual)
    check(m, known)
    term = "phi" if name.endswith("car1") else "rho"
    assert estimate(m, term) == pytest.approx(known["cor"], rel=2e-4)


BODY = "weight ~ Time * Diet + (Time | Rat)"


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("body", {}),
        ("body_exp", {"residual": "exp(Time | Rat)"}),
        ("body_power_time", {"variance": "power(Time)"}),
        ("body_power", {"variance": "power(fitted)"}),
        ("body_power_exp", {"variance": "power(fitted)", "residual": "exp(Time | Rat)"}),
    ],
)
def test_body_weight(
    name: str, settings: dict[str, str], oracle: Oracle, shared_file: Shared
) -> None:
    data = pd.read_csv(shared_file("BodyWeight.csv"), dtype={"Rat": str, "Diet": str})
    check(nw.lmer(BODY, data, **settings), oracle("nlme_models")[name])


@pytest.mark.parametrize(
    ("name", "file", "formula", "settings"),
    [
        (
            "oxboys",
            "Oxboys.csv",
            "height ~ age + I(age^2) + (age | Subject)",
            {"residual": "ar1(1 | Subject)"},
        ),
        (
            "pixel",
            "Pixel.csv",
            "pixel ~ day + I(day^2) + (day | Dog) + (1 | Dog:Side)",
            {"variance": "Side"},
        ),
        ("ergo_cs", "ergoStool.csv", "effort ~ Type", {"residual": "cs(Type | Subject)"}),
        ("ergo_cs_ident", "ergoStool.csv", "effort ~ Type", {"residual": "csh(Type | Subject)"}),
        (
            "machines_ident",
            "Machines.csv",
            "score ~ Machine + (1 | Worker/Machine)",
            {"variance": "Machine"},
        ),
        (
            "ratpup_ident",
            "ratpup.csv",
            "weight ~ treatment + sex + litsize + (1 | litter)",
            {"variance": "treatment"},
        ),
        (
            "rat_brain",
            "rat_brain.csv",
            "activate ~ region * treatment + (treatment | animal)",
            {},
        ),
        (
            "rat_brain_ident",
            "rat_brain.csv",
            "activate ~ region * treatment + (1 | animal)",
            {"variance": "treatment"},
        ),
        (
            "veneer_ident",
            "veneer.csv",
            "gcf ~ time + base.gcf + cda + age + time:base.gcf + time:cda + time:age "
            "+ (time | patient) + (1 | patient:tooth)",
            {"variance": "factor(time)"},
        ),
        (
            "veneer_cs",
            "veneer.csv",
            "gcf ~ time + base.gcf + cda + age + time:base.gcf + time:cda + time:age "
            "+ (time | patient)",
            {"residual": "cs(time | patient:tooth)"},
        ),
    ],
)
def test_nlme_books(
    name: str,
    file: str,
    formula: str,
    settings: dict[str, str],
    oracle: Oracle,
    shared_file: Shared,
) -> None:
    data = pd.read_csv(shared_file(file))
    texts = ("treatment", "region") if file == "rat_brain.csv" else ()
    data = data.assign(**{c: data[c].astype(str) for c in texts})
    call = nw.lmer if "|" in formula else nw.gls
    check(call(formula, data, **settings), oracle("nlme_models")[name], 2e-5)


AUTISM = {
    "autism": (
        "vsae ~ age2 + I(age2^2) + sicdegp + age2:sicdegp + (0 + age2 + I(age2^2) | childid)",
        {},
    ),
    "autism_ident": (
        "vsae ~ age2 + sicdegp + age2:sicdegp + (age2 | childid)",
        {"variance": "factor(age)"},
    ),
    "autism_ar1": (
        "vsae ~ age2 + sicdegp + age2:sicdegp",
        {"variance": "factor(age)", "residual": "car1(age | childid)"},
    ),
}


@pytest.mark.parametrize("name", AUTISM)
def test_autism(name: str, oracle: Oracle, shared_file: Shared) -> None:
    data = pd.read_csv(shared_file("autism.csv")).dropna()
    data = data.assign(age2=data["age"] - 2, sicdegp=data["sicdegp"].astype(int).astype(str))
    formula, settings = AUTISM[name]
    call = nw.lmer if "|" in formula else nw.gls
    check(call(formula, data, **settings), oracle("nlme_models")[name], 2e-6)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("dialyzer_power", {"variance": "power(pressure)"}),
        (
            "dialyzer_power_ar1",
            {"variance": "power(pressure)", "residual": "ar1(1 | subject)"},
        ),
    ],
)
def test_like_dialyzer(name: str, settings: dict[str, str], oracle: Oracle) -> None:
    data = pd.DataFrame(oracle("nlme_models")["dialyzer_data"])
    m = nw.gls("rate ~ (pressure + I(pressure^2)) * group", data, **settings)
    known = oracle("nlme_models")[name]
    check(m, known)
    assert estimate(m, "power") == pytest.approx(known["var"], rel=2e-4)


@pytest.mark.parametrize("name", ["exp", "exp_nugget"])
def test_like_wheat(name: str, oracle: Oracle) -> None:
    """A field of plots: correlation falls with the distance in two directions."""
    data, known = (
        pd.DataFrame(oracle("nlme_models")["wheat_data"]),
        oracle("nlme_models")[f"wheat_{name}"],
    )
    m = nw.gls("yield ~ variety", data, residual=f"{name}(row + col | one)")
    check(m, known)
    assert estimate(m, "range") == pytest.approx(numbers(known["cor"])[0], rel=1e-3)


def test_crossed_effects_beside_autoregression() -> None:
    """Subjects with AR(1) residuals, crossed with items: the truth comes back."""
    rng = np.random.default_rng(5)
    n, v, items = 60, 6, 12
    subject, time = (a.ravel() for a in np.meshgrid(np.arange(n), np.arange(v), indexing="ij"))
    item = rng.integers(0, items, n * v)
    R = 1.2**2 * 0.6 ** lags(np.arange(v))
    e = rng.multivariate_normal(np.zeros(v), R, n).ravel()
    y = 1.0 + 0.3 * time + rng.normal(0, 0.8, items)[item] + e
    data = pd.DataFrame({"y": y, "time": time, "subject": subject, "item": item})
    m = nw.lmer("y ~ time + (1 | item)", data, residual="ar1(time | subject)")
    rho, sd = estimate(m, "rho"), m.varcorr()["sdcor"][0]
    X = np.column_stack([np.ones(n * v), time]).astype(np.float64)
    V = blocks(subject.astype(np.float64), rho ** lags(time.astype(np.float64)))
    V += (sd / m.sigma) ** 2 * (item[:, None] == item)
    assert m.loglik == pytest.approx(loglik(y, X, V)[0], abs=1e-7)
    assert rho == pytest.approx(0.6, abs=0.12)
    assert m.sigma == pytest.approx(1.2, rel=0.15)
    assert sd == pytest.approx(0.8, rel=0.5)
    assert m.params["time"] == pytest.approx(0.3, abs=0.1)


@pytest.mark.parametrize("name", ["us", "us_ml", "cs", "csh", "ar1", "ar1h", "toep", "toeph"])
def test_a_trial_with_missed_visits(name: str, oracle: Oracle) -> None:
    """Two arms, four visits, a fifth of them missed: what mmrm is for."""
    known = dict(oracle("nlme_models")[f"trial_{name}"])
    data = pd.DataFrame(oracle("nlme_models")["trial_data"])
    n, ml = len(data), name.endswith("_ml")
    if ml:
        known["se"] = numbers(known["se"]) * np.sqrt((n - 9) / n)
    kind = name.removesuffix("_ml")
    m = nw.gls(
        "fev ~ base + arm * factor(visit)", data, residual=f"{kind}(visit | subject)", REML=not ml
    )
    check(m, known)
    if kind in ("us", "csh", "ar1h", "toeph"):
        table = m.residual_parameters()
        ratios = table.loc[table["term"].str.startswith("sd["), "estimate"].to_numpy()
        first = data["visit"].iloc[0]
        assert first == 1  # nlme's reference is the first visit that occurs
        np.testing.assert_allclose(ratios, numbers(known["var"]), rtol=2e-4)
