"""A user's own file as a table: CSV, Parquet, Arrow, Stata, SPSS, Excel, standard input."""

from __future__ import annotations

import importlib
import importlib.util
import io
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import pandas as pd

from nestwise._base.errors import DataError, MissingExtraError, NestwiseError, OptionError
from nestwise._base.output import as_path
from nestwise.workflow.textfiles import TextOptions, read_text, refuse_twice

Sheet: TypeAlias = str | int | None


def read_table(
    path: str | Path,
    *,
    separator: str | None = None,
    decimal: str | None = None,
    encoding: str = "utf-8",
    sheet: str | int | None = None,
    stdin: BinaryIO | None = None,
) -> pd.DataFrame:
    """Read a file of any common kind, recognised by the end of its name.

    Parameters
    ----------
    path : str or Path
        ``.csv``, ``.txt`` or ``.tsv``, these also with ``.gz``; ``.parquet``, ``.arrow``,
        ``.feather``, ``.ipc``, ``.dta`` (Stata), ``.sav`` or ``.zsav`` (SPSS), ``.xlsx`` (Excel);
        ``-`` reads text, Parquet or Arrow from standard input.
    separator, decimal : str, optional
        Of text files; found out when not given (commas, semicolons, tabs or bars; decimal points,
        or commas where they do not separate).
    encoding : str
        Of text files.
    sheet : str or int, optional
        Of an Excel file, its name or number from 0; the first by default.
    stdin : binary stream, optional
        What ``-`` reads; the process's standard input when not given.

    Returns
    -------
    DataFrame
        Labelled values of Stata and SPSS become categoricals, in the order of their codes; labels
        of their variables stand in ``attrs["labels"]``.

    Raises
    ------
    DataError
        When there is no such file, it is a folder, it is empty, its kind is not known, it holds
        no table, its text is in another encoding, or two columns have the same name.
    OptionError
        When an option makes no sense.
    MissingExtraError
        When the library that reads this kind is not installed; the message names the extra.

    Examples
    --------
    >>> import io
    >>> read_table("-", stdin=io.BytesIO(b"x,y\\n1,2\\n")).columns.tolist()
    ['x', 'y']
    """
    text = TextOptions(separator, decimal, encoding)
    if str(path) == "-":
        source = sys.stdin.buffer if stdin is None else stdin
        return _checked(_read_stream(source.read(), text), "standard input")
    file = as_path(path)
    kind, reader = _reader_of(file)
    if sheet is not None and kind != "Excel":
        raise OptionError(f"sheet={sheet!r}: {str(file)!r} is no Excel file and has no sheets")
    _check_file(file)
    try:
        frame = reader(file, text, sheet)
    except NestwiseError:
        raise
    except Exception as problem:
        # The readers of four libraries raise whatever they like for a damaged file.
        reason = str(problem).strip().splitlines()[0:1] or [type(problem).__name__]
        raise DataError(
            f"{str(file)!r} cannot be read as {kind}: {reason[0]}; check that the file is whole "
            "and that its name ends as its content is"
        ) from problem
    return _checked(frame, repr(str(file)))


def _ending(file: Path) -> str:
    suffixes = [s.lower() for s in file.suffixes]
    if suffixes[-1:] == [".gz"] and len(suffixes) > 1:
        return suffixes[-2]
    return suffixes[-1] if suffixes else ""


def _reader_of(file: Path) -> tuple[str, Reader]:
    kind = _KINDS.get(_ending(file))
    if kind is None:
        known = " ".join(sorted(_KINDS))
        raise DataError(
            f"{str(file)!r}: the ending {_ending(file)!r} is not a known kind of table; use one of "
            f"{known} (text also with .gz)"
        )
    return kind


def _check_file(file: Path) -> None:
    if file.is_dir():
        raise DataError(f"{str(file)!r} is a folder; give the file in it")
    if not file.exists():
        raise DataError(f"{str(file)!r} does not exist (looked in {str(file.absolute().parent)!r})")
    if file.stat().st_size == 0:
        raise DataError(f"{str(file)!r} is empty; it should hold a table with a header line")


def _checked(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    columns = [str(c) for c in frame.columns]
    refuse_twice(name, columns)
    if not columns:
        raise DataError(f"{name} holds no columns; it should hold a table with a header line")
    if frame.empty:
        raise DataError(f"{name} has a header ({', '.join(columns[:6])}) but no rows")
    return frame


def _require(module: str, extra: str, what: str) -> Any:
    if importlib.util.find_spec(module) is None:
        raise MissingExtraError(
            f"{what}: reading this kind of file needs {module}, which is not installed; "
            f'run: pip install "nestwise[{extra}]"'
        )
    return importlib.import_module(module)


def _read_stream(content: bytes, text: TextOptions) -> pd.DataFrame:
    """Text, or Parquet and Arrow by their first bytes."""
    name = "standard input"
    for mark, module in ((b"PAR1", "parquet"), (b"ARROW1", "feather")):
        if content.startswith(mark):
            _require("pyarrow", "arrow", name)
            reader = importlib.import_module(f"pyarrow.{module}")
            try:
                frame: pd.DataFrame = reader.read_table(io.BytesIO(content)).to_pandas()
            except Exception as problem:
                raise DataError(f"{name} cannot be read as {module}: {problem}") from problem
            return frame
    return read_text(name, content, text)


def _read_characters(file: Path, text: TextOptions, sheet: Sheet) -> pd.DataFrame:
    return read_text(repr(str(file)), file.read_bytes(), text)


def _read_tab(file: Path, text: TextOptions, sheet: Sheet) -> pd.DataFrame:
    options = TextOptions(text.separator or "\t", text.decimal, text.encoding)
    return read_text(repr(str(file)), file.read_bytes(), options)


def _read_parquet(file: Path, text: TextOptions, sheet: Sheet) -> pd.DataFrame:
    _require("pyarrow", "arrow", repr(str(file)))
    parquet = importlib.import_module("pyarrow.parquet")
    frame: pd.DataFrame = parquet.read_table(file).to_pandas()
    return frame


def _read_arrow(file: Path, text: TextOptions, sheet: Sheet) -> pd.DataFrame:
    _require("pyarrow", "arrow", repr(str(file)))
    feather = importlib.import_module("pyarrow.feather")
    frame: pd.DataFrame = feather.read_table(file).to_pandas()
    return frame


def _read_stata(file: Path, text: TextOptions, sheet: Sheet) -> pd.DataFrame:
    # Ordered categories would be coded by polynomials, as ordered factors are.
    with pd.read_stata(file, order_categoricals=False, iterator=True) as opened:
        reader: Any = opened
        return _with_labels(reader.read(), reader.variable_labels())


def _read_spss(file: Path, text: TextOptions, sheet: Sheet) -> pd.DataFrame:
    reader = _require("pyreadstat", "spss", repr(str(file)))
    frame, found = reader.read_sav(
        str(file), apply_value_formats=True, formats_as_ordered_category=False
    )
    return _with_labels(frame, found.column_names_to_labels)


def _with_labels(frame: pd.DataFrame, labels: Mapping[str, str | None]) -> pd.DataFrame:
    """Keep what the file calls its variables, for the axes of plots."""
    known = {name: words for name, words in labels.items() if words}
    if known:
        frame.attrs["labels"] = known
    return frame


def _read_excel(file: Path, text: TextOptions, sheet: Sheet) -> pd.DataFrame:
    _require("openpyxl", "excel", repr(str(file)))
    with pd.ExcelFile(file, engine="openpyxl") as book:
        chosen = 0 if sheet is None else sheet
        names = [str(s) for s in book.sheet_names]
        if (isinstance(chosen, str) and chosen not in names) or (
            isinstance(chosen, int) and not 0 <= chosen < len(names)
        ):
            raise OptionError(f"sheet={sheet!r} is not in {str(file)!r}; it has {', '.join(names)}")
        # Read without a header row first: pandas would rename columns of the same name.
        raw = pd.read_excel(book, sheet_name=chosen, header=None, nrows=1)
        refuse_twice(repr(str(file)), [str(v) for v in raw.iloc[0].dropna()] if len(raw) else [])
        frame: pd.DataFrame = pd.read_excel(book, sheet_name=chosen)
    return frame


Reader: TypeAlias = Callable[[Path, TextOptions, Sheet], pd.DataFrame]

_KINDS: dict[str, tuple[str, Reader]] = {
    ".csv": ("CSV", _read_characters),
    ".txt": ("CSV", _read_characters),
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
