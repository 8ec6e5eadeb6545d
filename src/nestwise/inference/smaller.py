"""The formula of a model with one term less."""

from __future__ import annotations

from nestwise.formula.model import Bar, Formula
from nestwise.inference.ranova import Reduction


def without_fixed(formula: Formula, term: str) -> str:
    """The formula without a term of the fixed effects.

    Examples
    --------
    >>> from nestwise.formula.parser import parse
    >>> without_fixed(parse("y ~ a * x + (1 | g)"), "a:x")
    'y ~ a + x + (1 | g)'
    """
    bars = [_written(bar) for bar in formula.random]
    return _joined(formula, [t.label for t in formula.fixed.terms if t.label != term], bars)


def without_random(formula: Formula, bar: int, reduction: Reduction) -> str:
    """The formula after a reduction of one of its random terms.

    Examples
    --------
    >>> from nestwise.formula.parser import parse
    >>> formula = parse("y ~ x + (x | g) + (1 | h)")
    >>> without_random(formula, 1, Reduction("(1 | h)", 1, None, None))
    'y ~ x + (x | g)'
    """
    bars = [_written(b) for b in formula.random]
    reduced = _reduced(formula.random[bar], reduction)
    bars[bar : bar + 1] = [] if reduced is None else [reduced]
    return _joined(formula, [t.label for t in formula.fixed.terms], bars)


def _reduced(bar: Bar, reduction: Reduction) -> str | None:
    if reduction.term is None or reduction.dropped is None:
        return None
    terms = [t.label for i, t in enumerate(bar.within.terms) if i != reduction.dropped]
    left = " + ".join(["1" if -1 in reduction.term.assign else "0", *terms])
    text = f"{left} | {bar.label.rsplit(' | ', 1)[-1]}"
    return _wrapped(bar, text)


def _written(bar: Bar) -> str:
    return _wrapped(bar, bar.label)


def _wrapped(bar: Bar, text: str) -> str:
    return f"({text})" if bar.structure == "us" else f"{bar.structure}({text})"


def _joined(formula: Formula, terms: list[str], bars: list[str]) -> str:
    fixed = formula.fixed
    first = [] if fixed.intercept and terms else ["1" if fixed.intercept else "0"]
    offsets = [o if o.startswith("offset(") else f"offset({o})" for o in fixed.offsets]
    return f"{formula.response_label} ~ {' + '.join([*first, *terms, *offsets, *bars])}"
