"""Colours for terminals, and none elsewhere."""

from __future__ import annotations

import os
from typing import TextIO

BOLD, RED, DIM = "1", "31;1", "2"


def coloured(stream: TextIO) -> bool:
    """Whether a stream shows colours: a terminal, ``NO_COLOR`` not set, ``TERM`` not ``dumb``.

    Examples
    --------
    >>> import io
    >>> coloured(io.StringIO())
    False
    """
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return stream.isatty()


def painted(text: str, code: str, stream: TextIO) -> str:
    """The text in a colour where the stream shows it, else as it is.

    Examples
    --------
    >>> import io
    >>> painted("error", RED, io.StringIO())
    'error'
    """
    return f"\x1b[{code}m{text}\x1b[0m" if coloured(stream) else text


__all__ = ["BOLD", "DIM", "RED", "coloured", "painted"]
