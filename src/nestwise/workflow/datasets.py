"""The data sets that come with the package."""

from __future__ import annotations

import functools
import gzip
import io
import json
from collections.abc import Callable
from importlib import resources
from typing import Any

import pandas as pd

from nestwise._base.errors import DataError, did_you_mean
from nestwise.workflow.schools import simulate_schools
from nestwise.workflow.tutorial import tutorial_data

_MADE: dict[str, tuple[Callable[[], pd.DataFrame], str, str]] = {
    "hlm_tutorial": (
        tutorial_data,
        "Math scores of 240 students in 12 classrooms, drawn as a tutorial for R draws them",
        "made: set.seed(123) and rnorm of R",
    ),
    "schools": (
        simulate_schools,
        "Gain in mathematics of 600 students in 40 classrooms of 5 schools, simulated",
        "made: nestwise.simulate_schools()",
    ),
}


@functools.cache
def _catalogue() -> dict[str, Any]:
    """catalogue.json: description, source, rows, columns with types and levels."""
    text = (resources.files("nestwise") / "data" / "catalogue.json").read_text(encoding="utf-8")
    catalogue: dict[str, Any] = json.loads(text)
    return catalogue


def _column(values: pd.Series[str], kind: dict[str, Any]) -> Any:
    """A column of text as the type that the catalogue gives it."""
    if kind["type"] == "numeric":
        return values.astype("float64")
    if kind["type"] == "integer":
        return values.astype("int64")
    ordered = kind["type"] == "ordered"
    return pd.Categorical(values, categories=kind["levels"], ordered=ordered)


def _read_bundled(name: str) -> pd.DataFrame:
    packed = (resources.files("nestwise") / "data" / f"{name}.csv.gz").read_bytes()
    columns: dict[str, Any] = _catalogue()[name]["columns"]
    text = io.BytesIO(gzip.decompress(packed))
    raw = pd.read_csv(text, dtype="str", keep_default_na=False, na_values=[""])
    frame = pd.DataFrame({c: _column(raw[c], kind) for c, kind in columns.items()})
    units = {c: kind["unit"] for c, kind in columns.items() if "unit" in kind}
    if units:
        frame.attrs["units"] = units  # axes of plots show them
    return frame


def load_dataset(name: str) -> pd.DataFrame:
    """A data set that comes with the package, with R's types and factor levels.

    Parameters
    ----------
    name : str
        One of the names in `list_datasets`.

    Returns
    -------
    DataFrame
        A fresh copy at every call; factors are categoricals, ordered where R's are. Known units
        of measurement stand in ``attrs["units"]``.

    Raises
    ------
    DataError
        When no data set has that name.

    Examples
    --------
    >>> import nestwise as nw
    >>> sleep = nw.load_dataset("sleepstudy")
    >>> sleep.shape, sleep["Subject"].cat.categories[:3].tolist()
    ((180, 3), ['308', '309', '310'])
    """
    if name in _MADE:
        return _MADE[name][0]()
    if name in _catalogue():
        return _read_bundled(name)
    known = sorted([*_catalogue(), *_MADE], key=str.casefold)
    hint = did_you_mean(str(name), known)
    raise DataError(f"data set {name!r} does not come with nestwise{hint}")


def list_datasets() -> pd.DataFrame:
    """Which data sets come with the package.

    Returns
    -------
    DataFrame
        `name`, `rows`, `columns` (their number), `description`, `source`.

    Examples
    --------
    >>> import nestwise as nw
    >>> nw.list_datasets().set_index("name").loc["sleepstudy", "rows"].item()
    180
    """
    bundled = [
        (name, e["rows"], len(e["columns"]), e["description"], e["source"])
        for name, e in _catalogue().items()
    ]
    made = []
    for name, (make, description, source) in _MADE.items():
        rows, columns = make().shape
        made.append((name, rows, columns, description, source))
    names = ["name", "rows", "columns", "description", "source"]
    return pd.DataFrame(bundled + made, columns=names)
