"""What a report's page is made of; the template knows one way to write each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    words: str
    kind: Literal["text"] = "text"


@dataclass(frozen=True, slots=True)
class Items:
    """A list of sentences."""

    items: tuple[str, ...]
    kind: Literal["items"] = "items"


@dataclass(frozen=True, slots=True)
class Grid:
    """A table: its caption, column heads, and rows whose first cell names them.

    Parameters
    ----------
    caption : str
        What it shows.
    head : tuple of str
        One a column, that of the row names included.
    rows : tuple of tuple of str
        Cells as text.
    note : str
        In small print below it.
    words : frozenset of int
        Columns of words, set flush left; the others are numbers.
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    words: frozenset[int] = frozenset()
    kind: Literal["grid"] = "grid"


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure as a data URI, with its description for those who do not see it."""

    uri: str
    alt: str
    caption: str
    width: int
    height: int
    kind: Literal["picture"] = "picture"


@dataclass(frozen=True, slots=True)
class Mathematics:
    """MathML, made by `mathml` from escaped parts."""

    markup: str
    kind: Literal["mathematics"] = "mathematics"


@dataclass(frozen=True, slots=True)
class Code:
    """Lines of a program or command."""

    lines: str
    kind: Literal["code"] = "code"


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading within a section."""

    words: str
    kind: Literal["heading"] = "heading"


Block: TypeAlias = Text | Items | Grid | Picture | Mathematics | Code | Heading


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page, reached by its name from the contents.

    Parameters
    ----------
    name : str
        Its anchor.
    title : str
        Its heading.
    blocks : sequence of Block
        What it holds; a section without any is left out.
    """

    name: str
    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True, slots=True)
class Page:
    """All of a report.

    Parameters
    ----------
    title, subtitle : str
        The page's heading and the line under it.
    summary : tuple of str
        The findings in a few sentences.
    sections : tuple of Section
        In order.
    footer : str
        The last line.
    """

    title: str
    subtitle: str
    summary: tuple[str, ...]
    sections: tuple[Section, ...]
    footer: str
