"""What marginal means are wanted of: names of predictors, or a text such as ``"a * b | c"``."""

from __future__ import annotations

import re
from collections.abc import Sequence

from nestwise._base.errors import OptionError, did_you_mean
from nestwise._base.options import names_of

Names = str | Sequence[str] | None


def read_specs(specs: Names, by: Names, known: Sequence[str]) -> tuple[list[str], list[str]]:
    """The variables of the means, and those that group them.

    Parameters
    ----------
    specs, by : str or sequence of str
        Names; `specs` may be a text with ``|`` before the grouping variables. ``"1"`` asks for
        the overall mean.
    known : sequence of str
        Predictors of the fit.

    Returns
    -------
    (specs, by) : lists of str

    Raises
    ------
    OptionError
        When a name is no predictor, or is on both sides.

    Examples
    --------
    >>> read_specs("~ wool * tension | block", None, ["wool", "tension", "block"])
    (['wool', 'tension'], ['block'])
    """
    left, right = _split(specs)
    right += _split(by)[0] if by is not None else []
    for argument, names in (("specs", left), ("by", right)):
        for name in names:
            if name not in known:
                raise OptionError(
                    f"{argument}: {name!r} is not among the predictors{did_you_mean(name, known)}"
                )
    twice = [name for name in left if name in right]
    if twice:
        raise OptionError(f"{twice[0]!r} is both in specs and in by; keep it in one of them")
    return left, right


def _split(specs: Names) -> tuple[list[str], list[str]]:
    if specs is None:
        return [], []
    if not isinstance(specs, str):
        return list(dict.fromkeys(names_of("specs", specs))), []
    lhs, _, text = specs.rpartition("~")
    if lhs.strip():
        raise OptionError(
            f"specs={specs!r}: nothing may stand before '~'; ask for contrasts by .pairs() or "
            ".contrast() of the result"
        )
    left, _, right = text.partition("|")
    return _names(left), _names(right)


def _names(text: str) -> list[str]:
    """Names joined by +, * or :; ``1`` is none."""
    parts = [part.strip() for part in re.split(r"[+*:]", text)]
    return list(dict.fromkeys(part for part in parts if part not in ("", "1")))
