"""What a fit has to say about itself: poor statistics are told, not raised."""

from __future__ import annotations

from dataclasses import dataclass

from nestwise._base.printed import printed_html


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One remark on a fit.

    Parameters
    ----------
    code : str
        Stable identifier in kebab case, e.g. ``"singular"``; tests and programs match on it.
    message : str
        What was found, in words, with the names and numbers of this fit.
    advice : str
        What the reader can do about it.

    Examples
    --------
    >>> from nestwise._base.diagnostic import Diagnostic
    >>> print(Diagnostic("singular", "The variance of Batch is zero.", "Drop the term."))
    singular: The variance of Batch is zero. Drop the term.
    """

    code: str
    message: str
    advice: str

    def __str__(self) -> str:
        return f"{self.code}: {self.message} {self.advice}".rstrip()

    _repr_html_ = printed_html
