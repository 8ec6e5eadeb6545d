"""Numbers and lists in running text, and where two approaches decide otherwise."""

from __future__ import annotations

import math
from collections.abc import Sequence

from nestwise.workflow.approaches.approach import Approach
from nestwise.workflow.approaches.setup import INTERCEPT, Setup

NOTABLE = 1.1
"""Standard errors that differ by less than this factor count as equal."""

ALPHA = 0.05


def number(value: float) -> str:
    """A number in running text.

    Examples
    --------
    >>> number(0.123456), number(1234.5)
    ('0.123', '1234')
    """
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def p_text(p: float) -> str:
    """A p value in running text.

    Examples
    --------
    >>> p_text(0.0312), p_text(1e-9)
    ('p = 0.031', 'p < 0.001')
    """
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def listed(names: Sequence[str]) -> str:
    """Names joined by commas and a last "and"; of more than six the first.

    Examples
    --------
    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    shown = list(names[:6])
    text = ", ".join(shown[:-1]) + (" and " if len(shown) > 1 else "") + shown[-1]
    return text + (f" and {len(names) - 6} more" if len(names) > 6 else "")


def disagreements(setup: Setup, approach: Approach, reference: Approach) -> str:
    """Coefficients on whose significance the two disagree."""
    names = setup.design.fixed.names
    mine, true = approach.estimates.p_value, reference.estimates.p_value
    found = [
        f"{names[j]} ({p_text(mine[j])} here, {p_text(true[j])} there)"
        for j in range(len(names))
        if names[j] != INTERCEPT
        and not math.isnan(mine[j] + true[j])
        and (mine[j] < ALPHA) != (true[j] < ALPHA)
    ]
    if not found:
        return ""
    return f"At 5 % it decides otherwise than the multilevel model on {listed(found)}."


__all__ = ["ALPHA", "NOTABLE", "disagreements", "listed", "number", "p_text"]
