"""A paragraph for a paper, what to cite, and how to make the page again."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import numpy as np

from nestwise.inference.kinds import Fit, GlmmFit, LmmFit, StructuredFit
from nestwise.present.report.blocks import Block, Code, Grid, Heading, Items, Section, Text
from nestwise.present.report.kinds import estimation_in_words, kind_in_words, tests_in_words
from nestwise.present.report.words import data_in_words

PACKAGES = ("nestwise", "numpy", "scipy", "pandas", "matplotlib")
BATES = (
    "Bates, D., Mächler, M., Bolker, B., & Walker, S. (2015). Fitting linear mixed-effects models "
    "using lme4. Journal of Statistical Software, 67(1), 1-48."
)
KUZNETSOVA = (
    "Kuznetsova, A., Brockhoff, P. B., & Christensen, R. H. B. (2017). lmerTest package: tests in "
    "linear mixed effects models. Journal of Statistical Software, 82(13), 1-26."
)
NAKAGAWA = (
    "Nakagawa, S., Johnson, P. C. D., & Schielzeth, H. (2017). The coefficient of determination R² "
    "and intra-class correlation coefficient from generalized linear mixed-effects models "
    "revisited and expanded. Journal of the Royal Society Interface, 14, 20170213."
)
PINHEIRO = "Pinheiro, J. C., & Bates, D. M. (2000). Mixed-effects models in S and S-PLUS. Springer."


def methods_section(fit: Fit) -> Section:
    """The analysis in one paragraph, and its citations.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lm("Reaction ~ Days", nw.load_dataset("sleepstudy"))
    >>> methods_section(m.fit).blocks[0].words[:49]
    'Reaction was analysed with a linear model (formul'
    """
    own = f"nestwise developers. nestwise (version {version('nestwise')}) [computer software]."
    cited = [own]
    if isinstance(fit, (LmmFit, GlmmFit)):
        cited.append(BATES)
    if isinstance(fit, (LmmFit, StructuredFit)):
        cited.append(KUZNETSOVA)
    if isinstance(fit, (LmmFit, GlmmFit)):
        cited.append(NAKAGAWA)
    if isinstance(fit, StructuredFit):
        cited.append(PINHEIRO)
    blocks: list[Block] = [Text(paragraph(fit)), Heading("To cite"), Items(tuple(cited))]
    return Section("methods", "Methods", blocks)


def paragraph(fit: Fit) -> str:
    """What a methods section should say of this fit."""
    design = fit.design
    words = (
        f"{design.formula.response_label} was analysed with {kind_in_words(fit)} (formula "
        f"{design.formula.printed}) in nestwise {version('nestwise')}. {data_in_words(design)} "
        f"Parameters were estimated by {estimation_in_words(fit)}. Intervals (95 %) and tests of "
        f"fixed effects use {tests_in_words(fit)}."
    )
    if isinstance(fit, LmmFit):
        words += " Intraclass correlation and R² follow Nakagawa, Johnson and Schielzeth (2017)."
    return words


def again_section(code: str, command: str, settings: Mapping[str, Any], fit: Fit) -> Section:
    """Code, settings and versions that give the same numbers.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lm("Reaction ~ Days", nw.load_dataset("sleepstudy"))
    >>> again_section("import nestwise", "", {}, m.fit).blocks[0].lines
    'import nestwise'
    """
    blocks: list[Block] = [Code(code)]
    if command:
        blocks += [Text("Or from the command line:"), Code(command)]
    chosen = [("Formula", fit.design.formula.printed)]
    chosen += [(name, shown(value)) for name, value in settings.items() if value is not None]
    blocks.append(Grid("Settings", ("Setting", "Value"), tuple(chosen), "", frozenset({1})))
    versions = [("Python", platform.python_version())]
    versions += [(name, _version(name)) for name in PACKAGES]
    versions.append(("System", f"{platform.system()} {platform.machine()}"))
    blocks.append(Grid("Versions", ("Software", "Version"), tuple(versions), "", frozenset({1})))
    return Section("again", "To make this again", blocks)


def shown(value: Any) -> str:
    """A setting as text; long arrays by their size.

    Examples
    --------
    >>> shown(True), shown(np.ones(1000))
    ('True', '1,000 values')
    """
    if isinstance(value, (str, bool, int, float)):
        return str(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{k}: {getattr(v, '__name__', v)}" for k, v in value.items())
    try:
        size = np.size(value)
    except ValueError:
        return type(value).__name__
    return f"{size:,} values" if size > 1 else repr(value)


def _version(name: str) -> str:
    if name not in sys.modules:
        return "not used"
    return version(name)


__all__ = ["again_section", "methods_section", "paragraph", "shown"]
