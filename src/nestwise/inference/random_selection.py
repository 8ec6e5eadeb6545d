"""Which random effects a prediction takes in: the meaning of ``re_form``."""

from __future__ import annotations

from nestwise._base.errors import FormulaError, OptionError, did_you_mean
from nestwise.design.model import Design
from nestwise.design.random import term_order
from nestwise.formula.model import Bar, Linear
from nestwise.formula.parser import parse

Selection = tuple[tuple[int, tuple[int, ...]], ...]
"""For each term that counts its position in ``design.terms`` and the columns that count."""


def select_random(design: Design, re_form: str | None) -> Selection:
    """The random effects that a prediction conditions on.

    Parameters
    ----------
    design : Design
        The arrays of the fit.
    re_form : str or None
        ``"all"``, None (none of them), or bars such as ``"(1 | g)"``; a bar may ask for a part
        of a term, as the intercepts of ``(x | g)``.

    Returns
    -------
    tuple of (term, columns)

    Raises
    ------
    OptionError
        When `re_form` is no bar, or names a group or effect that the fit does not have.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> select_random(m.fit.design, "(1 | Subject)")
    ((0, (0,)),)
    """
    if re_form is None:
        return ()
    if re_form == "all":
        return tuple((t, tuple(range(len(term.columns)))) for t, term in enumerate(design.terms))
    chosen: dict[int, set[int]] = {}
    for bar in _bars(re_form):
        for t, columns in _matching(design, bar, re_form).items():
            chosen.setdefault(t, set()).update(columns)
    return tuple((t, tuple(sorted(columns))) for t, columns in sorted(chosen.items()))


def _bars(re_form: object) -> tuple[Bar, ...]:
    hint = "use 'all', None, or random terms such as '(1 | g)'"
    if not isinstance(re_form, str) or "|" not in re_form:
        raise OptionError(f"re_form={re_form!r} names no random effects; {hint}")
    text = re_form.strip().removeprefix("~").strip()
    try:
        return parse(f"response ~ 1 + {text}").random
    except FormulaError as error:
        raise OptionError(f"re_form={re_form!r} cannot be read; {hint}\n{error}") from None


def _matching(design: Design, bar: Bar, re_form: str) -> dict[int, set[int]]:
    """Terms and columns of the fit that one bar asks for."""
    groups = [design.factors[term.factor].name for term in design.terms]
    if bar.name not in groups:
        hint = did_you_mean(bar.name, dict.fromkeys(groups))
        raise OptionError(
            f"re_form={re_form!r}: the fit has no random effects of {bar.name!r}{hint}"
        )
    mine = [t for t, group in enumerate(groups) if group == bar.name]
    for t in mine:
        if _labels(_bar_of_term(design, t).linear) == _labels(bar.linear):
            return {t: set(range(len(design.terms[t].columns)))}
    found: dict[int, set[int]] = {}
    for label in _labels(bar.linear):
        places = [
            (t, j)
            for t in mine
            for j, column in enumerate(design.terms[t].columns)
            if column == label
        ]
        if not places:
            known = [c for t in mine for c in design.terms[t].columns]
            raise OptionError(
                f"re_form={re_form!r}: the fit has no random effect {label!r} of {bar.name!r}"
                f"{did_you_mean(label, known)}"
            )
        for t, j in places:
            found.setdefault(t, set()).add(j)
    return found


def _labels(linear: Linear) -> tuple[str, ...]:
    return ("(Intercept)",) * linear.intercept + tuple(term.label for term in linear.terms)


def _bar_of_term(design: Design, index: int) -> Bar:
    """The bar behind a term: `design` put the bars into lme4's order."""
    levels = {factor.name: factor.n_levels for factor in design.factors}
    bars = design.formula.random
    return bars[term_order([levels[bar.name] for bar in bars])[index]]
