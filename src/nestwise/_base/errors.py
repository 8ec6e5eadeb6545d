"""The errors that users see. Every message says what happened, the value, and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class NestwiseError(ValueError):
    """Root of all errors that nestwise raises for bad input.

    It derives from ``ValueError`` so that code written against other packages keeps working.
    """


class FormulaError(NestwiseError):
    """The text of a formula cannot be read, or asks for something that is not allowed."""


class DataError(NestwiseError):
    """The table does not fit the formula: unknown columns, wrong types, too few rows."""


class OptionError(NestwiseError):
    """An argument has a value that is not among the allowed ones."""


class FitError(NestwiseError):
    """The model cannot be fitted at all, for a reason in the numbers."""


class MissingExtraError(NestwiseError):
    """An optional library is needed; the message names the extra that installs it."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Suggest the nearest known name, as the end of an error message.

    Parameters
    ----------
    name : str
        What the user wrote.
    known : iterable of str
        The names that exist.

    Returns
    -------
    str
        ``"; did you mean 'ses'?"``, else a list of up to twelve known names, else ``""``.

    Examples
    --------
    >>> did_you_mean("sess", ["ses", "sex"])
    "; did you mean 'ses'?"
    """
    names = [str(k) for k in known]
    folded = {n.casefold(): n for n in reversed(names)}
    if name.casefold() in folded:
        return f"; did you mean '{folded[name.casefold()]}'?"
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"; did you mean '{close[0]}'?"
    if not names:
        return ""
    shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    return f"; known names are: {shown}"


def one_of(argument: str, value: object, allowed: Iterable[str]) -> str:
    """Return `value` when it is one of `allowed`, else raise an `OptionError` that lists them.

    Examples
    --------
    >>> one_of("na_action", "drop", ("drop", "fail"))
    'drop'
    """
    names = tuple(allowed)
    if isinstance(value, str) and value in names:
        return value
    listed = ", ".join(repr(n) for n in names)
    hint = did_you_mean(value, names) if isinstance(value, str) else ""
    hint = hint if "did you mean" in hint else ""
    raise OptionError(f"{argument}={value!r} is not known; use one of {listed}{hint}")
