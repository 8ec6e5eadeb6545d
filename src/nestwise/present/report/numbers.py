"""Numbers as a reader wants them: few digits, true minus signs, p values with a floor."""

from __future__ import annotations

import math


def number(value: float | None, digits: int = 4) -> str:
    """A number to some significant digits.

    Examples
    --------
    >>> number(15.45799), number(-0.0123456), number(123456.7), number(5000.0), number(3.0)
    ('15.46', '−0.01235', '123457', '5000', '3')
    """
    if value is None or math.isnan(value):
        return "NA"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    size = abs(value)
    if size != 0.0 and (size >= 1e7 or size < 1e-4):
        mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
        return f"{mantissa} × 10^{int(power)}".replace("-", "−")
    places = digits if size == 0.0 else max(0, digits - 1 - math.floor(math.log10(size)))
    text = f"{value:.{places}f}"
    whole = value == int(value) and "." in text
    return (text.rstrip("0").rstrip(".") if whole else text).replace("-", "−")


def fixed(value: float | None, places: int) -> str:
    """A number to some decimals.

    Examples
    --------
    >>> fixed(-1.005, 1), fixed(None, 1)
    ('−1.0', 'NA')
    """
    if value is None or not math.isfinite(value):
        return number(value)
    return f"{value:.{places}f}".replace("-", "−")


def p_value(value: float | None) -> str:
    """A p value in a table.

    Examples
    --------
    >>> p_value(0.00002), p_value(0.0312), p_value(None)
    ('< 0.001', '0.031', 'NA')
    """
    if value is None or math.isnan(value):
        return "NA"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def p_words(value: float) -> str:
    """A p value in a sentence.

    Examples
    --------
    >>> p_words(0.00002), p_words(0.0312)
    ('p < 0.001', 'p = 0.031')
    """
    text = p_value(value)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def percent(share: float) -> str:
    """A share as a percentage.

    Examples
    --------
    >>> percent(0.256), percent(0.0004), percent(0.0)
    ('26 %', '0.04 %', '0 %')
    """
    if math.isnan(share):
        return "NA"
    value = 100.0 * share
    return f"{value:.0f} %" if value >= 9.95 or value == 0.0 else f"{value:.2g} %"


def count(n: int, noun: str, plural: str | None = None) -> str:
    """A number of things, thousands apart.

    Examples
    --------
    >>> count(1, "row"), count(4059, "row")
    ('1 row', '4,059 rows')
    """
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"


def listed(words: list[str], last: str = "and") -> str:
    """Words with commas, and a word before the last.

    Examples
    --------
    >>> listed(["a", "b", "c"]), listed(["a"])
    ('a, b and c', 'a')
    """
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


__all__ = ["count", "fixed", "listed", "number", "p_value", "p_words", "percent"]
