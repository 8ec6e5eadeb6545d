"""A user's own file as a table: CSV, Parquet, Arrow, Stata, SPSS, Excel, standard input."""

from __future__ import annotations

import csv
import gzip
import importlib
import importlib.util
import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pandas as pd

from nestwise._base.errors import DataError, MissingExtraError

# Before version 3, pandas read decimal numbers fast and not always to the nearest float.
_EXACT: dict[str, Any] = (
    {"float_precision": "round_trip"} if int(pd.__version__.split(".")[0]) < 3 else {}
)
_GZIP = b"\x1f\x8b"


def read_table(path: str | Path, *, stdin: BinaryIO | None = None) -> pd.DataFrame:
    """Read a file of any common kind, recognised by the end of its name.

    Parameters
    ----------
    path : str or Path
        ``.csv`` or ``.txt`` (commas), ``.tsv`` (tabs), these also with ``.gz``; ``.parquet``,
        ``.arrow``, ``.feather``, ``.ipc``, ``.dta`` (Stata), ``.sav`` or ``.zsav`` (SPSS),
        ``.xlsx`` (Excel, its first sheet); ``-`` reads CSV from standard input.
    stdin : binary stream, optional
        What ``-`` reads; the process's standard input when not given.

    Returns
    -------
    DataFrame
        Labelled values of Stata and SPSS become categoricals, in the order of their codes.

    Raises
    ------
    DataError
        When there is no such file, it is a folder, it is empty, its kind is not known, it holds
        no table, its text is not UTF-8, or two columns have the same name.
    MissingExtraError
        When the library that reads this kind is not installed; the message names the extra.

    Examples
    --------
    >>> import io
    >>> read_table("-", stdin=io.BytesIO(b"x,y\\n1,2\\n")).columns.tolist()
    ['x', 'y']
    """
    if str(path) == "-":
        source = sys.stdin.buffer if stdin is None else stdin
        return _checked(_read_text("standard input", source.read(), ","), "standard input")
    file = Path(path)
    reader = _reader_of(file)
    _check_file(file)
    try:
        frame = reader(file)
    except (DataError, MissingExtraError):
        raise
    except Exception as problem:
        # The readers of four libraries raise whatever they like for a damaged file.
        reason = str(problem).strip().splitlines()[0:1] or [type(problem).__name__]
        raise DataError(
            f"{str(file)!r} cannot be read as {_KINDS[_ending(file)][0]}: {reason[0]}; check that "
            "the file is whole and that its name ends as its content is"
        ) from problem
    return _checked(frame, repr(str(file)))


def _ending(file: Path) -> str:
    suffixes = [s.lower() for s in file.suffixes]
    if suffixes[-1:] == [".gz"] and len(suffixes) > 1:
        return suffixes[-2]
    return suffixes[-1] if suffixes else ""


def _reader_of(file: Path) -> Callable[[Path], pd.DataFrame]:
    kind = _KINDS.get(_ending(file))
    if kind is None:
        known = " ".join(sorted(_KINDS))
        raise DataError(
            f"{str(file)!r}: the ending {_ending(file)!r} is not a known kind of table; use one of "
            f"{known} (text also with .gz)"
        )
    return kind[1]


def _check_file(file: Path) -> None:
    if file.is_dir():
        raise DataError(f"{str(file)!r} is a folder; give the file in it")
    if not file.exists():
        raise DataError(f"{str(file)!r} does not exist (looked in {str(file.absolute().parent)!r})")
    if file.stat().st_size == 0:
        raise DataError(f"{str(file)!r} is empty; it should hold a table with a header line")


def _checked(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    columns = [str(c) for c in frame.columns]
    _refuse_twice(name, columns)
    if not columns:
        raise DataError(f"{name} holds no columns; it should hold a table with a header line")
    if frame.empty:
        raise DataError(f"{name} has a header ({', '.join(columns[:6])}) but no rows")
    return frame


def _refuse_twice(name: str, columns: list[str]) -> None:
    twice = sorted({c for c in columns if columns.count(c) > 1})
    if twice:
        raise DataError(f"{name}: column names occur more than once: {twice[0]!r}; rename them")


def _require(module: str, extra: str, file: Path) -> Any:
    if importlib.util.find_spec(module) is None:
        raise MissingExtraError(
            f"{str(file)!r}: reading this kind of file needs {module}, which is not installed; "
            f'run: pip install "nestwise[{extra}]"'
        )
    return importlib.import_module(module)


def _read_text(name: str, content: bytes, separator: str) -> pd.DataFrame:
    if content[:2] == _GZIP:
        content = gzip.decompress(content)
    if not content.strip():
        raise DataError(f"{name} is empty; it should hold a table with a header line")
    text = _decode(name, content)
    first_line = text.lstrip().partition("\n")[0]
    if separator not in first_line and ";" in first_line:
        raise DataError(f"{name} is separated by ';'; save it with {separator!r} between values")
    header = next(csv.reader([first_line.rstrip("\r")], delimiter=separator), [])
    _refuse_twice(name, [h for h in header if h])
    try:
        frame: pd.DataFrame = pd.read_csv(io.StringIO(text), sep=separator, **_EXACT)
    except pd.errors.ParserError as problem:
        reason = str(problem).removeprefix("Error tokenizing data. C error: ").strip()
        raise DataError(f"{name} is not a table: {reason}") from None
    return frame


def _decode(name: str, content: bytes) -> str:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DataError(f"{name} is UTF-16 text; save it as UTF-8")
    if b"\x00" in content[:4096]:
        raise DataError(f"{name} is no text but binary; name it by its kind, such as .parquet")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise DataError(
            f"{name} is not UTF-8 text (byte {content[problem.start]:#04x} at position "
            f"{problem.start}); save it as UTF-8, or read it with pandas and its encoding="
        ) from None


def _read_comma(file: Path) -> pd.DataFrame:
    return _read_text(repr(str(file)), file.read_bytes(), ",")


def _read_tab(file: Path) -> pd.DataFrame:
    return _read_text(repr(str(file)), file.read_bytes(), "\t")


def _read_parquet(file: Path) -> pd.DataFrame:
    _require("pyarrow", "arrow", file)
    parquet = importlib.import_module("pyarrow.parquet")
    frame: pd.DataFrame = parquet.read_table(file).to_pandas()
    return frame


def _read_arrow(file: Path) -> pd.DataFrame:
    _require("pyarrow", "arrow", file)
    feather = importlib.import_module("pyarrow.feather")
    frame: pd.DataFrame = feather.read_table(file).to_pandas()
    return frame


def _read_stata(file: Path) -> pd.DataFrame:
    # Ordered categories would be coded by polynomials, as ordered factors are.
    frame: pd.DataFrame = pd.read_stata(file, order_categoricals=False)
    return frame


def _read_spss(file: Path) -> pd.DataFrame:
    reader = _require("pyreadstat", "spss", file)
    frame: pd.DataFrame = reader.read_sav(
        str(file), apply_value_formats=True, formats_as_ordered_category=False
    )[0]
    return frame


def _read_excel(file: Path) -> pd.DataFrame:
    _require("openpyxl", "excel", file)
    # Read without a header row first: pandas would rename columns of the same name.
    raw = pd.read_excel(file, header=None, nrows=1, engine="openpyxl")
    _refuse_twice(repr(str(file)), [str(v) for v in raw.iloc[0].dropna()] if len(raw) else [])
    return pd.read_excel(file, engine="openpyxl")


_KINDS: dict[str, tuple[str, Callable[[Path], pd.DataFrame]]] = {
    ".csv": ("CSV", _read_comma),
    ".txt": ("CSV", _read_comma),
    ".tsv": ("tab-separated text", _read_tab),
    ".parquet": ("Parquet", _read_parquet),
    ".arrow": ("Arrow", _read_arrow),
    ".feather": ("Feather", _read_arrow),
    ".ipc": ("Arrow", _read_arrow),
    ".dta": ("Stata", _read_stata),
    ".sav": ("SPSS", _read_spss),
    ".zsav": ("SPSS", _read_spss),
    ".xlsx": ("Excel", _read_excel),
}
