"""Simulated data of the benchmarks, seeded; written as CSV into a folder (default benchmarks/data).

Usage: python benchmarks/make_data.py [FOLDER]
"""

from __future__ import annotations

import sys
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


def main() -> None:
    """Write every data set that is not there yet."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / "data")
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in {"nested1e6": nested, "crossed1e6": crossed}.items():
        path = folder / f"{name}.csv"
        if not path.exists():
            make().to_csv(path, index=False, float_format="%.17g")
        print(path)


if __name__ == "__main__":
    main()
