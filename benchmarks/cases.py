"""The models that are timed: data, formula, criterion."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

DATA = Path(os.environ.get("BENCH_DATA", Path(__file__).parent / "data"))

INSTEVAL_FACTORS = ("s", "d", "dept", "service")
INSTEVAL = "y ~ service + (1 | s) + (1 | d) + (1 | dept:service)"


@dataclass(frozen=True, slots=True)
class Case:
    """One model.

    Parameters
    ----------
    data : str
        A bundled data set, or a CSV that `make_data.py` writes.
    formula : str
        The model.
    reml : bool
        REML or ML.
    reps : int
        Fits to time.
    factors : tuple of str
        Columns that are categories though the CSV has numbers.
    what : str
        ``"fit"``: from data frame to fit; ``"summary"``: from fit to the text of its summary with
        Satterthwaite's degrees of freedom.
    plain : str
        The same formula without short cuts, for packages that refuse them.
    family : str
        Distribution of the response; anything but gaussian is a generalised model, fitted by
        maximum likelihood.
    n_agq : int
        Quadrature points of a generalised model; 1 is Laplace's approximation.
    trials : str
        Column of the numbers of trials, with which `plain` is to be weighted.
    """

    data: str
    formula: str
    reml: bool = True
    reps: int = 5
    factors: tuple[str, ...] = ()
    what: str = "fit"
    plain: str = ""
    family: str = "gaussian"
    n_agq: int = 1
    trials: str = ""


CASES: dict[str, Case] = {
    "sleepstudy": Case(
        "sleepstudy", "Reaction ~ Days + (Days | Subject)", reps=51, factors=("Subject",)
    ),
    "penicillin": Case(
        "Penicillin",
        "diameter ~ 1 + (1 | plate) + (1 | sample)",
        reps=51,
        factors=("plate", "sample"),
    ),
    "exam": Case("Exam", "normexam ~ standLRT + (standLRT | school)", reps=31, factors=("school",)),
    "insteval2": Case("InstEval", "y ~ service + (1 | s) + (1 | d)", factors=INSTEVAL_FACTORS),
    "insteval": Case("InstEval", INSTEVAL, factors=INSTEVAL_FACTORS),
    "insteval_ml": Case("InstEval", INSTEVAL, reml=False, factors=INSTEVAL_FACTORS),
    "insteval_summary": Case("InstEval", INSTEVAL, factors=INSTEVAL_FACTORS, what="summary"),
    "maximal20": Case(
        "maximal20.csv",
        "y ~ A*B + (A*B | subj) + (A*B | item)",
        factors=("subj", "item"),
        plain="y ~ A + B + AB + (1 + A + B + AB | subj) + (1 + A + B + AB | item)",
    ),
    "nested1e6": Case(
        "nested1e6.csv",
        "y ~ x1 + x2 + x3 + (1 + x1 | school) + (1 | cls)",
        reps=3,
        factors=("school", "cls"),
    ),
    "crossed1e6": Case(
        "crossed1e6.csv", "y ~ x1 + x2 + (1 | a) + (1 | b)", reps=1, factors=("a", "b")
    ),
    "pairs": Case("pairs.csv", "y ~ x + (1 | g)", factors=("g",)),
    "valueadded": Case(
        "valueadded.csv",
        "y ~ year + x + (1 | pupil) + (1 | teacher)",
        reps=1,
        factors=("pupil", "teacher"),
    ),
    "cbpp": Case(
        "cbpp",
        "cbind(incidence, size - incidence) ~ period + (1 | herd)",
        reml=False,
        reps=51,
        factors=("herd", "period"),
        plain="share ~ period + (1 | herd)",
        family="binomial",
        trials="size",
    ),
    "cbpp_agq25": Case(
        "cbpp",
        "cbind(incidence, size - incidence) ~ period + (1 | herd)",
        reml=False,
        reps=51,
        factors=("herd", "period"),
        plain="share ~ period + (1 | herd)",
        family="binomial",
        n_agq=25,
        trials="size",
    ),
    "bacteria": Case(
        "bacteria.csv",
        "y ~ trt + late + (1 | ID)",
        reml=False,
        reps=51,
        factors=("ID", "trt"),
        family="binomial",
    ),
    "epil": Case(
        "epil.csv",
        "y ~ lbase4 * trt + lage + V4 + (1 | subject)",
        reml=False,
        reps=51,
        factors=("subject", "trt"),
        family="poisson",
    ),
    "contraception": Case(
        "contraception.csv",
        "y ~ age + age2 + urban + livch + (1 | district)",
        reml=False,
        reps=31,
        factors=("district", "urban", "livch"),
        family="binomial",
    ),
    "contraception_slope": Case(
        "contraception.csv",
        "y ~ age + age2 + urban + livch + (urban | district)",
        reml=False,
        reps=31,
        factors=("district", "urban", "livch"),
        family="binomial",
    ),
    "grouseticks": Case(
        "grouseticks.csv",
        "TICKS ~ YEAR + h + (1 | BROOD) + (1 | INDEX) + (1 | LOCATION)",
        reml=False,
        reps=31,
        factors=("BROOD", "INDEX", "LOCATION", "YEAR"),
        family="poisson",
    ),
    "verbagg": Case(
        "VerbAgg.csv",
        "y ~ Anger + Gender + btype + situ + (1 | id) + (1 | item)",
        reml=False,
        reps=11,
        factors=("id", "item", "Gender", "btype", "situ"),
        family="binomial",
    ),
    "bernoulli2e5": Case(
        "bernoulli2e5.csv",
        "y ~ x + (1 | g)",
        reml=False,
        reps=7,
        factors=("g",),
        family="binomial",
    ),
    "bernoulli2e5_agq10": Case(
        "bernoulli2e5.csv",
        "y ~ x + (1 | g)",
        reml=False,
        reps=7,
        factors=("g",),
        family="binomial",
        n_agq=10,
    ),
    "bernoulli1e6": Case(
        "bernoulli1e6.csv",
        "y ~ x1 + x2 + (1 | g)",
        reml=False,
        reps=3,
        factors=("g",),
        family="binomial",
    ),
    "counts1e5": Case(
        "counts1e5.csv",
        "y ~ x + (1 | a) + (1 | b)",
        reml=False,
        reps=5,
        factors=("a", "b"),
        family="poisson",
    ),
}


def load(case: Case) -> pd.DataFrame:
    """The data of a case: numbers as numbers, also where they are names of groups."""
    if case.data.endswith(".csv"):
        return pd.read_csv(DATA / case.data)
    import nestwise as nw

    return with_share(case, nw.load_dataset(case.data))


def with_share(case: Case, data: pd.DataFrame) -> pd.DataFrame:
    """A column `share` of successes, for packages that know no ``cbind``."""
    return data.assign(share=data["incidence"] / data[case.trials]) if case.trials else data


def load_exported(case: Case) -> pd.DataFrame:
    """The data of a case without nestwise, factors as categories (see make_data.py)."""
    data = pd.read_csv(DATA / f"{case.data.removesuffix('.csv')}.csv")
    for name in case.factors:
        data[name] = pd.Categorical(data[name].astype(str))
    return with_share(case, data)
