"""Tables written as text: separators, decimal commas, encodings."""

from __future__ import annotations

import csv
import gzip
import io
import re
from dataclasses import dataclass
from typing import Any

import pandas as pd

from nestwise._base.errors import DataError, OptionError

# Before version 3, pandas read decimal numbers fast and not always to the nearest float.
_EXACT: dict[str, Any] = (
    {"float_precision": "round_trip"} if int(pd.__version__.split(".")[0]) < 3 else {}
)
_GZIP = b"\x1f\x8b"
SEPARATORS = (",", ";", "\t", "|")
_COMMA_NUMBER = re.compile(r"\s*[-+]?\d*,\d+(?:[eE][-+]?\d+)?\s*")


@dataclass(frozen=True, slots=True)
class TextOptions:
    """How a text file is written, where it should not be found out.

    Parameters
    ----------
    separator : str, optional
        Between values: one sign, or ``"\\\\t"`` for a tab.
    decimal : str, optional
        The decimal sign, ``"."`` or ``","``.
    encoding : str
        Of the text.
    """

    separator: str | None = None
    decimal: str | None = None
    encoding: str = "utf-8"


def read_text(name: str, content: bytes, options: TextOptions) -> pd.DataFrame:
    """Read a table from text, possibly compressed by gzip.

    The separator is the one of ``, ; tab |`` that the header line holds most of; decimal commas
    are recognised where values are not separated by commas.

    Parameters
    ----------
    name : str
        What the messages call it.
    content : bytes
        The file.
    options : TextOptions
        What the caller knows.

    Raises
    ------
    DataError
        When it is empty, binary, in another encoding, or no table; when two columns have the same
        name.
    OptionError
        When an option makes no sense.

    Examples
    --------
    >>> read_text("a", b"x;y\\n1,5;a\\n", TextOptions()).to_dict("list")
    {'x': [1.5], 'y': ['a']}
    """
    _check_options(options)
    if content[:2] == _GZIP:
        content = gzip.decompress(content)
    if not content.strip():
        raise DataError(f"{name} is empty; it should hold a table with a header line")
    text = _decode(name, content, options.encoding)
    header = text.lstrip("\r\n").partition("\n")[0].rstrip("\r")
    separator = options.separator or _separator(header)
    separator = "\t" if separator == "\\t" else separator
    refuse_twice(name, [h for h in next(csv.reader([header], delimiter=separator), []) if h])
    frame = _parsed(name, text, separator, options.decimal or ".")
    if options.decimal is None and separator != "," and _has_decimal_commas(frame):
        frame = _parsed(name, text, separator, ",")
    return frame


def refuse_twice(name: str, columns: list[str]) -> None:
    """Raise where a column name occurs more than once.

    Raises
    ------
    DataError
        Naming the first such column.

    Examples
    --------
    >>> refuse_twice("a", ["x", "y"])
    """
    twice = sorted({c for c in columns if columns.count(c) > 1})
    if twice:
        raise DataError(f"{name}: column names occur more than once: {twice[0]!r}; rename them")


def _check_options(options: TextOptions) -> None:
    if options.separator is not None and len(options.separator.replace("\\t", "\t")) != 1:
        raise OptionError(f"separator={options.separator!r} is not one sign; for a tab give '\\t'")
    if options.decimal not in (None, ".", ","):
        raise OptionError(f"decimal={options.decimal!r} is neither '.' nor ','")
    if options.decimal == "," and options.separator == ",":
        raise OptionError("separator and decimal are both ','; numbers could not be told apart")
    try:
        "".encode(options.encoding)
    except LookupError:
        raise OptionError(
            f"encoding={options.encoding!r} is not known; usual ones are utf-8, latin-1, cp1252"
        ) from None


def _separator(header: str) -> str:
    """The separator that stands most often outside quotes."""
    bare = re.sub(r'"[^"]*"', "", header)
    return max(SEPARATORS, key=bare.count)


def _parsed(name: str, text: str, separator: str, decimal: str) -> pd.DataFrame:
    try:
        frame: pd.DataFrame = pd.read_csv(
            io.StringIO(text), sep=separator, decimal=decimal, skipinitialspace=True, **_EXACT
        )
    except pd.errors.ParserError as problem:
        reason = str(problem).removeprefix("Error tokenizing data. C error: ").strip()
        raise DataError(f"{name} is not a table: {reason}") from None
    return frame


def _has_decimal_commas(frame: pd.DataFrame) -> bool:
    """Whether a column of text holds only numbers, some of them with a comma."""
    for column in frame.columns:
        values = frame[column]
        if pd.api.types.is_numeric_dtype(values):
            continue
        texts = [str(v) for v in values.dropna().unique()[:1000]]
        comma = [t for t in texts if _COMMA_NUMBER.fullmatch(t)]
        if comma and all(t in comma or _is_whole(t) for t in texts):
            return True
    return False


def _is_whole(text: str) -> bool:
    return re.fullmatch(r"\s*[-+]?\d+\s*", text) is not None


def _decode(name: str, content: bytes, encoding: str) -> str:
    utf8 = encoding.lower().replace("_", "-") in ("utf-8", "utf8")
    if utf8 and content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DataError(f"{name} is UTF-16 text; save it as UTF-8, or give encoding 'utf-16'")
    if utf8 and b"\x00" in content[:4096]:
        raise DataError(f"{name} is no text but binary; name it by its kind, such as .parquet")
    try:
        return content.decode("utf-8-sig" if utf8 else encoding)
    except UnicodeError as problem:
        where = ""
        if isinstance(problem, UnicodeDecodeError):
            where = f" (byte {content[problem.start]:#04x} at position {problem.start})"
        shown = "UTF-8" if utf8 else encoding
        raise DataError(
            f"{name} is not {shown} text{where}; save it as UTF-8, or give its encoding, such as "
            "'latin-1'"
        ) from None


__all__ = ["SEPARATORS", "TextOptions", "read_text", "refuse_twice"]
