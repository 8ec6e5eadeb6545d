"""Simulated data of the benchmarks, seeded; written as CSV into a folder (default benchmarks/data).

Usage: python benchmarks/make_data.py [FOLDER [NAME ...]]; a NAME may be that of a bundled data set.
"""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd


def nested(
    n_schools: int = 5000, n_classes: int = 20, n_pupils: int = 10, seed: int = 20261120
) -> pd.DataFrame:
    """A million pupils in 100,000 classes in 5,000 schools; slope of x1 by school."""
    r = np.random.default_rng(seed)
    n = n_schools * n_classes * n_pupils
    school = np.repeat(np.arange(n_schools), n_classes * n_pupils)
    cls = np.repeat(np.arange(n_schools * n_classes), n_pupils)
    x1, x2 = r.normal(size=n), r.normal(size=n)
    x3 = (r.random(n_schools * n_classes) < 0.5).astype(float)[cls]
    b = r.multivariate_normal([0, 0], np.array([[0.5, 0.06], [0.06, 0.09]]), size=n_schools)
    c = r.normal(scale=np.sqrt(0.3), size=n_schools * n_classes)
    y = 1 + 0.5 * x1 - 0.25 * x2 + 0.3 * x3 + b[school, 0] + b[school, 1] * x1 + c[cls]
    y += r.normal(size=n)
    return pd.DataFrame(
        {"y": y, "x1": x1, "x2": x2, "x3": x3, "school": school + 1, "cls": cls + 1}
    )


def crossed(
    n: int = 1_000_000, n_a: int = 20_000, n_b: int = 5_000, seed: int = 20261121
) -> pd.DataFrame:
    """A million rows on two crossed factors of 20,000 and 5,000 levels."""
    r = np.random.default_rng(seed)
    a, b = r.integers(0, n_a, n), r.integers(0, n_b, n)
    a[:n_a], b[:n_b] = np.arange(n_a), np.arange(n_b)
    x1, x2 = r.normal(size=n), r.normal(size=n)
    u, v = r.normal(scale=np.sqrt(0.5), size=n_a), r.normal(scale=np.sqrt(0.25), size=n_b)
    y = 2 + 0.5 * x1 - 0.3 * x2 + u[a] + v[b] + r.normal(size=n)
    return pd.DataFrame({"y": y, "x1": x1, "x2": x2, "a": a + 1, "b": b + 1})


def maximal(n_subjects: int = 60, n_items: int = 40, seed: int = 20261122) -> pd.DataFrame:
    """Two conditions within subjects and items, each pair once; everything varies by both."""
    r = np.random.default_rng(seed)
    subj, item = np.divmod(np.arange(n_subjects * n_items), n_items)
    cell = (subj + item) % 4
    A, B = np.where(cell & 1, 0.5, -0.5), np.where(cell & 2, 0.5, -0.5)
    X = np.column_stack([np.ones(len(A)), A, B, A * B])
    y = X @ [2.0, 0.5, 0.2, 0.1] + r.normal(size=len(A))
    for codes, m, sd in (
        (subj, n_subjects, [0.8, 0.9, 0.9, 1.4]),
        (item, n_items, [0.6, 0.8, 0.8, 1.4]),
    ):
        mixing = np.linalg.cholesky(0.7 * np.eye(4) + 0.3)
        y += (X * (r.normal(size=(m, 4)) @ mixing.T * sd)[codes]).sum(axis=1)
    return pd.DataFrame({"y": y, "A": A, "B": B, "AB": A * B, "subj": subj + 1, "item": item + 1})


def pairs(n_groups: int = 125_000, seed: int = 20261123) -> pd.DataFrame:
    """Groups of two rows."""
    r = np.random.default_rng(seed)
    g = np.repeat(np.arange(n_groups), 2)
    x = r.normal(size=2 * n_groups)
    y = 1 + x + 0.7 * r.normal(size=n_groups)[g] + r.normal(size=2 * n_groups)
    return pd.DataFrame({"y": y, "x": x, "g": g + 1})


def value_added(
    n_pupils: int = 200_000, n_years: int = 5, n_schools: int = 500, seed: int = 20261124
) -> pd.DataFrame:
    """Pupils over five years, a new teacher each year, some moving to a school nearby."""
    r = np.random.default_rng(seed)
    n = n_pupils * n_years
    pupil, year = np.divmod(np.arange(n), n_years)
    school = r.integers(0, n_schools, n_pupils)[pupil]
    away = np.where(r.random(n) < 0.05, r.integers(-3, 4, n), 0)
    teacher = (school + away) % n_schools * 20 + year * 4 + r.integers(0, 4, n)
    x = r.normal(size=n)
    y = 0.5 * year + 0.2 * x + 0.3 * r.normal(size=n_schools * 20)[teacher]
    y += 0.8 * r.normal(size=n_pupils)[pupil] + 0.6 * r.normal(size=n)
    return pd.DataFrame({"y": y, "year": year, "x": x, "pupil": pupil + 1, "teacher": teacher + 1})


def bernoulli(n_groups: int = 10_000, size: int = 20, seed: int = 20261125) -> pd.DataFrame:
    """200,000 zeros and ones in 10,000 groups."""
    r = np.random.default_rng(seed)
    g = np.repeat(np.arange(n_groups), size)
    x = r.normal(size=len(g))
    eta = -0.5 + 0.5 * x + r.normal(size=n_groups)[g]
    y = (r.random(len(g)) < 1.0 / (1.0 + np.exp(-eta))).astype(int)
    return pd.DataFrame({"y": y, "x": x, "g": g + 1})


def bernoulli_large(
    n: int = 1_000_000, n_groups: int = 50_000, seed: int = 20261126
) -> pd.DataFrame:
    """A million zeros and ones in 50,000 groups, in no order."""
    r = np.random.default_rng(seed)
    g = np.concatenate([np.arange(n_groups), r.integers(0, n_groups, n - n_groups)])
    x1, x2 = r.normal(size=n), (r.random(n) < 0.3).astype(float)
    eta = -1.0 + 0.4 * x1 + 0.3 * x2 + 0.8 * r.normal(size=n_groups)[g]
    y = (r.random(n) < 1.0 / (1.0 + np.exp(-eta))).astype(int)
    return pd.DataFrame({"y": y, "x1": x1, "x2": x2, "g": g + 1})


def counts(n: int = 100_000, n_a: int = 5000, n_b: int = 200, seed: int = 20261127) -> pd.DataFrame:
    """Counts on two crossed factors."""
    r = np.random.default_rng(seed)
    a, b, x = r.integers(0, n_a, n), r.integers(0, n_b, n), r.normal(size=n)
    a[:n_a], b[:n_b] = np.arange(n_a), np.arange(n_b)
    eta = 0.3 + 0.2 * x + 0.5 * r.normal(size=n_a)[a] + 0.3 * r.normal(size=n_b)[b]
    return pd.DataFrame({"y": r.poisson(np.exp(eta)), "x": x, "a": a + 1, "b": b + 1})


def from_r(package: str, name: str) -> pd.DataFrame:
    """A data set of an R package: from ../shared/data or the tests, else from R."""
    root = Path(__file__).parents[1]
    shared = root.parent / "shared" / "data"
    for path in (root / "tests" / "data" / name, shared / name):
        for end in (".csv", ".csv.gz"):
            if (found := path.with_name(path.name + end)).exists():
                return pd.read_csv(found)
    code = f"write.csv({package}::{name}, stdout(), row.names = FALSE)"
    told = subprocess.run(["Rscript", "-e", code], capture_output=True, text=True, check=True)
    return pd.read_csv(io.StringIO(told.stdout))


def verbal_aggression() -> pd.DataFrame:
    """lme4's VerbAgg with the response as zeros and ones."""
    data = from_r("lme4", "VerbAgg")
    data["y"] = (data["r2"] == "Y").astype(int)
    return data[["y", "Anger", "Gender", "btype", "situ", "id", "item"]]


def bacteria() -> pd.DataFrame:
    """MASS's bacteria with the response as zeros and ones, and the weeks after the second."""
    data = from_r("MASS", "bacteria")
    return data.assign(y=(data["y"] == "y").astype(int), late=(data["week"] > 2).astype(int))


def epilepsy() -> pd.DataFrame:
    """MASS's epil with the logarithms of Thall and Vail."""
    data = from_r("MASS", "epil")
    return data.assign(lbase4=np.log(data["base"] / 4), lage=np.log(data["age"]))


def contraception() -> pd.DataFrame:
    """mlmRev's Contraception with the response as zeros and ones, and a square."""
    data = from_r("mlmRev", "Contraception")
    return data.assign(y=(data["use"] == "Y").astype(int), age2=data["age"] ** 2)


def grouse_ticks() -> pd.DataFrame:
    """lme4's grouseticks with heights in hundreds of metres about 460, and years as text."""
    data = from_r("lme4", "grouseticks")
    return data.assign(h=(data["HEIGHT"] - 460) / 100, YEAR="y" + data["YEAR"].astype(str))


SIMULATED: dict[str, Callable[[], pd.DataFrame]] = {
    "nested1e6": nested,
    "crossed1e6": crossed,
    "maximal20": maximal,
    "pairs": pairs,
    "valueadded": value_added,
    "bernoulli2e5": bernoulli,
    "bernoulli1e6": bernoulli_large,
    "counts1e5": counts,
    "VerbAgg": verbal_aggression,
    "bacteria": bacteria,
    "epil": epilepsy,
    "contraception": contraception,
    "grouseticks": grouse_ticks,
}


def export(name: str, folder: Path) -> Path:
    """Write one data set, simulated or bundled, unless it is there."""
    path = folder / f"{name}.csv"
    if path.exists():
        return path
    if name in SIMULATED:
        data = SIMULATED[name]()
    else:
        import nestwise as nw

        data = nw.load_dataset(name)
    data.to_csv(path, index=False, float_format="%.17g")
    return path


def main() -> None:
    """Write every data set that is not there yet, or those named after the folder."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / "data")
    folder.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:] or SIMULATED:
        print(export(name, folder))


if __name__ == "__main__":
    main()
