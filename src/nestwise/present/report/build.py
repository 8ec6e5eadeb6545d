"""All sections of the report of a fit, in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from importlib.metadata import version
from typing import Any

from nestwise._base.diagnostic import Diagnostic
from nestwise._base.table import Table
from nestwise.inference.icc import icc
from nestwise.inference.kinds import Fit, LmFit, LmmFit, StructuredFit
from nestwise.present.plots.accessor import Plots
from nestwise.present.report.blocks import Block, Mathematics, Page, Section, Text
from nestwise.present.report.checks import checks_section, remarks
from nestwise.present.report.data import data_section
from nestwise.present.report.effects import effects_section
from nestwise.present.report.equation import equation
from nestwise.present.report.estimates import (
    clear_effects,
    fixed_section,
    measures_grid,
    random_section,
    residual_section,
)
from nestwise.present.report.methods import again_section, methods_section
from nestwise.present.report.numbers import percent
from nestwise.present.report.words import data_in_words, model_in_words, question


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """What a report needs beside the fit; the floor above collects it.

    Parameters
    ----------
    fit : LmmFit or LmFit
        The fit.
    data : table
        What it was fitted to.
    settings : mapping of str to object
        The other arguments of the call.
    code, command : str
        Python lines, and a command if there is one, that make the page again.
    description, sizes : Table, optional
        Of `workflow.describe` and `workflow.levels`.
    varies : dict of str to str
        Variable to the level at which it varies.
    remarks : tuple of Diagnostic
        What the levels have to say.
    approaches : tuple of Block
        The comparison of approaches, when it was made.
    title : str, optional
        The page's heading.
    """

    fit: Fit
    data: Any
    settings: Mapping[str, Any]
    code: str
    command: str = ""
    description: Table | None = None
    sizes: Table | None = None
    varies: dict[str, str] = field(default_factory=dict)
    remarks: Sequence[Diagnostic] = ()
    approaches: Sequence[Block] = ()
    title: str | None = None


def build(material: Material) -> Page:
    """Put the page together.

    Parameters
    ----------
    material : Material
        The fit and all around it.

    Returns
    -------
    Page

    Raises
    ------
    MissingExtraError
        When matplotlib is not installed.

    Examples
    --------
    >>> import nestwise as nw
    >>> data = nw.load_dataset("Dyestuff")
    >>> m = nw.lmer("Yield ~ 1 + (1 | Batch)", data)
    >>> page = build(Material(m.fit, data, {}, "code"))
    >>> [section.name for section in page.sections]
    ['question', 'data', 'model', 'fixed', 'random', 'effects', 'checks', 'methods', 'again']
    """
    fit = material.fit
    plots = Plots(fit, material.data)
    sections = [
        Section("question", "The question", [Text(question(fit))]),
        data_section(
            fit,
            material.data,
            material.description,
            material.sizes,
            material.varies,
            material.remarks,
        ),
        Section("approaches", "Ways to treat the groups", material.approaches),
        _model(fit),
        fixed_section(fit),
    ]
    if not isinstance(fit, LmFit) and fit.design.terms:
        sections.append(random_section(fit, plots))
    if isinstance(fit, StructuredFit):
        sections.append(residual_section(fit))
    sections += [
        effects_section(fit, plots),
        checks_section(fit, plots),
        methods_section(fit),
        again_section(material.code, material.command, material.settings, fit),
    ]
    response = fit.design.formula.response_label
    return Page(
        title=material.title or f"What {response} depends on",
        subtitle=fit.design.formula.printed,
        summary=tuple(_summary(fit)),
        sections=tuple(section for section in sections if section.blocks),
        footer=f"Made by nestwise {version('nestwise')} on {date.today().isoformat()}.",
    )


def _model(fit: Fit) -> Section:
    blocks: list[Block] = [Text(words) for words in model_in_words(fit)]
    return Section("model", "The model", [Mathematics(equation(fit)), *blocks, measures_grid(fit)])


def _summary(fit: Fit) -> list[str]:
    sentences = [data_in_words(fit.design), *clear_effects(fit)]
    if len(sentences) == 1 and fit.design.fixed.terms:
        sentences.append("No coefficient differs clearly from zero (all p at least 0.05).")
    if isinstance(fit, (LmmFit, StructuredFit)) and fit.design.terms:
        share = percent(icc(fit).adjusted)
        left = "that the predictors leave " if fit.design.fixed.terms else ""
        sentences.append(f"{share} of the variance {left}lies between groups.")
    if not isinstance(fit, LmFit) and fit.verdict.status != "converged":
        sentences += remarks(fit)[:2]
    return sentences


__all__ = ["Material", "build"]
