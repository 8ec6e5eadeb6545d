"""The models that are timed: data, formula, criterion."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

DATA = Path(os.environ.get("BENCH_DATA", Path(__file__).parent / "data"))

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
    """

    data: str
    formula: str
    reml: bool = True
    reps: int = 5


CASES: dict[str, Case] = {
    "sleepstudy": Case("sleepstudy", "Reaction ~ Days + (Days | Subject)", reps=51),
    "penicillin": Case("Penicillin", "diameter ~ 1 + (1 | plate) + (1 | sample)", reps=51),
    "exam": Case("Exam", "normexam ~ standLRT + (standLRT | school)", reps=31),
    "insteval2": Case("InstEval", "y ~ service + (1 | s) + (1 | d)"),
    "insteval": Case("InstEval", INSTEVAL),
    "insteval_ml": Case("InstEval", INSTEVAL, reml=False),
    "nested1e6": Case("nested1e6.csv", "y ~ x1 + x2 + x3 + (1 + x1 | school) + (1 | cls)", reps=3),
    "crossed1e6": Case("crossed1e6.csv", "y ~ x1 + x2 + (1 | a) + (1 | b)", reps=1),
}


def load(case: Case) -> pd.DataFrame:
    """The data of a case."""
    if case.data.endswith(".csv"):
        return pd.read_csv(DATA / case.data)
    import nestwise as nw

    return nw.load_dataset(case.data)
