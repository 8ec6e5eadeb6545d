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
    """

    data: str
    formula: str
    reml: bool = True
    reps: int = 5
    factors: tuple[str, ...] = ()
    what: str = "fit"
    plain: str = ""


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
}


def load(case: Case) -> pd.DataFrame:
    """The data of a case: numbers as numbers, also where they are names of groups."""
    if case.data.endswith(".csv"):
        return pd.read_csv(DATA / case.data)
    import nestwise as nw

    return nw.load_dataset(case.data)


def load_exported(case: Case) -> pd.DataFrame:
    """The data of a case without nestwise, factors as categories (see make_data.py)."""
    data = pd.read_csv(DATA / f"{case.data.removesuffix('.csv')}.csv")
    for name in case.factors:
        data[name] = pd.Categorical(data[name].astype(str))
    return data
