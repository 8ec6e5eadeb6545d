"""Repeated measures for those who come from t tests and analysis of variance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
import pandas as pd

from nestwise._base.errors import DataError, OptionError
from nestwise._base.printed import printed_html
from nestwise._base.table import Table
from nestwise.api.calls import lmer
from nestwise.api.mixed import MixedModel
from nestwise.api.source import to_native
from nestwise.design.table import open_table
from nestwise.inference.anova import anova_lmm
from nestwise.inference.paired import paired_t
from nestwise.inference.rm_anova import rm_anova as classical_anova
from nestwise.inference.tidy import tidy
from nestwise.present.repeatedtext import anova_text, paired_text
from nestwise.workflow.frames import numbers
from nestwise.workflow.repeated import RepeatedData, mixed_formula, read_repeated

PAIR = ("pair", "occasion", "value")
"""Columns of the long table made of two wide ones."""


@final
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RepeatedAnova:
    """A repeated-measures analysis of variance beside the mixed model that it is.

    Parameters
    ----------
    classical, multilevel : Table
        ``term num_df den_df f_value p_value ...`` of the classical analysis and of the model.
    model : MixedModel
        The model; ask it for anything else.
    read : RepeatedData
        What was read from the table.
    data : table
        The caller's.
    """

    classical: Table
    multilevel: Table
    model: MixedModel
    read: RepeatedData
    data: Any

    def tidy(self) -> Any:
        """The classical table, with the model's tests in columns that begin with ``mixed_``."""
        columns = dict(self.classical.columns)
        for name in ("num_df", "den_df", "f_value", "p_value"):
            columns[f"mixed_{name}"] = self.multilevel[name]
        return to_native(Table(columns, self.note), self.data)

    @property
    def note(self) -> str:
        """Whether the two agree, and if not, why."""
        if self.read.n_dropped:
            return (
                f"{self.read.n_dropped} of {self.read.n_subjects} subjects lack a value in some "
                "cell: the classical analysis leaves them out, the mixed model uses all their rows."
            )
        if self.model.is_singular:
            return (
                "A variance is estimated as zero: the classical analysis lets it be negative, so "
                "that the two differ. gls with residual='cs(...)' allows it too."
            )
        if not self.read.balanced:
            return "The groups or cells differ in size, so that the two need not agree exactly."
        return "Balanced: the two agree."

    def __repr__(self) -> str:
        return anova_text(self.classical, self.multilevel, self.model.formula, self.note)

    __str__ = __repr__
    _repr_html_ = printed_html


@final
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PairedComparison:
    """A paired t test beside the mixed model that it is.

    Parameters
    ----------
    classical, multilevel : Table
        ``estimate std_error statistic df p_value conf_low conf_high`` of each.
    model : MixedModel
        The model; ask it for anything else.
    read : RepeatedData
        What was read from the table.
    data : table
        The caller's.
    """

    classical: Table
    multilevel: Table
    model: MixedModel
    read: RepeatedData
    data: Any

    def tidy(self) -> Any:
        """Both tests, one row each: ``method estimate std_error statistic df p_value ...``."""
        columns = {
            name: np.append(self.classical[name], self.multilevel[name]) for name in self.classical
        }
        method = np.array(["paired t test", "mixed model"], dtype=object)
        return to_native(Table({"method": method, **columns}, self.note), self.data)

    @property
    def note(self) -> str:
        """Whether the two agree, and if not, why."""
        if self.read.n_dropped:
            return (
                f"{self.read.n_dropped} of {self.read.n_subjects} subjects have one of the two "
                "values only: the t test leaves them out, the mixed model uses them."
            )
        if self.model.is_singular:
            return (
                "The two measurements are not positively correlated: a variance between subjects "
                "cannot be negative, so that the mixed model differs from the t test. gls with "
                "residual='cs(...)' allows negative correlations."
            )
        return "Complete pairs: the two agree."

    def __repr__(self) -> str:
        return paired_text(self.classical, self.multilevel, self.model.formula, self.note)

    __str__ = __repr__
    _repr_html_ = printed_html


def rm_anova(formula: str, data: Any, *, ddf: str = "satterthwaite") -> RepeatedAnova:
    """Repeated-measures analysis of variance, classical and as a mixed model.

    The classical table has the corrections of Greenhouse & Geisser and of Huynh & Feldt. Beside it
    stand the tests of the linear mixed model with the same fixed effects and a random intercept for
    every error term; with balanced data the F tests are equal. The mixed model also uses subjects
    with missing measurements.

    Parameters
    ----------
    formula : str
        ``"y ~ time | subject"``, ``"y ~ group * time | subject"``, ``"y ~ a * b | subject"``. Which
        factors vary within subjects is read from the data.
    data : table
        One row for each measurement.
    ddf : str
        Denominator degrees of freedom of the mixed model: ``"satterthwaite"`` or
        ``"kenward-roger"``.

    Returns
    -------
    RepeatedAnova
        ``.classical``, ``.multilevel``, ``.model``, ``.tidy()``; prints both tables.

    Raises
    ------
    FormulaError
        When the formula is of another kind.
    DataError
        When nothing varies within subjects, or too few subjects are complete.

    Source
    ------
    Winer, Brown & Michels (1991), chapters 4 and 7; Greenhouse & Geisser (1959); Huynh & Feldt
    (1976); Lecoutre (1991).

    Examples
    --------
    >>> import nestwise as nw
    >>> found = nw.rm_anova("Reaction ~ Days | Subject", nw.load_dataset("sleepstudy"))
    >>> table = found.tidy()
    >>> round(float(table["f_value"][0]), 3), round(float(table["mixed_f_value"][0]), 3)
    (18.703, 18.703)
    >>> round(float(table["gg_epsilon"][0]), 3)
    0.369
    """
    read = read_repeated(formula, data)
    model = lmer(mixed_formula(read), data)
    tests = anova_lmm(model.fit, type=3, ddf=ddf)
    return RepeatedAnova(classical_anova(read.cells), _matched(read, tests), model, read, data)


def _matched(read: RepeatedData, tests: Table) -> Table:
    """The model's tests in the order of the classical table, under the names of the columns."""
    classical = classical_anova(read.cells)["term"].tolist()
    rows = {frozenset(_plain(t).split(":")): i for i, t in enumerate(tests["term"].tolist())}
    order = [rows[frozenset(term.split(":"))] for term in classical]
    columns = {name: tests[name][order] for name in tests}
    return Table({**columns, "term": np.array(classical, dtype=object)})


def _plain(term: str) -> str:
    return term.replace("factor(", "").replace(")", "")


def paired(
    formula: str | None = None,
    data: Any = None,
    *,
    first: str | None = None,
    second: str | None = None,
    level: float = 0.95,
) -> PairedComparison:
    """A paired t test, and the same comparison as a mixed model.

    Parameters
    ----------
    formula : str, optional
        For a long table: ``"y ~ condition | subject"``, the condition with two levels. The
        difference is the second level less the first.
    data : table
        One row for each measurement, or with `first` and `second` one row for each pair.
    first, second : str, optional
        For a wide table: the columns of the two measurements; the difference is second less first.
    level : float
        Coverage of the intervals.

    Returns
    -------
    PairedComparison
        ``.classical``, ``.multilevel``, ``.model``, ``.tidy()``; prints both tests.

    Raises
    ------
    OptionError
        When neither a formula nor two columns are given.
    DataError
        When the condition does not have two levels.

    Source
    ------
    Student (1908), Biometrika 6, 1-25.

    Examples
    --------
    >>> import nestwise as nw
    >>> data = nw.load_dataset("sleepstudy")
    >>> days = data[data["Days"].isin([0, 9])]
    >>> print(nw.paired("Reaction ~ Days | Subject", days).tidy().round(3).to_string(index=False))
           method  estimate  std_error  statistic   df  p_value  conf_low  conf_high
    paired t test    94.199     13.539      6.958 17.0      0.0    65.635    122.764
      mixed model    94.199     13.539      6.958 17.0      0.0    65.635    122.764
    """
    if first is not None or second is not None:
        if formula is not None or first is None or second is None or data is None:
            raise OptionError(
                "paired takes a formula and a long table, or data= with both first= and second=, "
                "the names of two columns"
            )
        formula, native = "value ~ occasion | pair", _long(data, first, second)
    elif formula is None or data is None:
        raise OptionError("paired needs a formula such as 'y ~ condition | subject' and a table")
    else:
        native = data
    if not 0.0 < level < 1.0:
        raise OptionError(f"level={level!r} is not between 0 and 1, such as 0.95")
    read = read_repeated(formula, native)
    if read.between or len(read.within) != 1 or read.cells.means.shape[1] != 2:
        raise DataError(
            f"{formula!r}: a paired comparison has one condition with two levels, and here there "
            f"are {read.cells.means.shape[1]} cells a subject; use rm_anova for more"
        )
    model = lmer(mixed_formula(read), native)
    table = tidy(model.fit, conf_int=True, conf_level=level)
    row = {name: table[name][1:] for name in table if name != "term"}
    return PairedComparison(paired_t(read.cells.means, level), Table(row), model, read, data)


def _long(data: Any, first: str, second: str) -> pd.DataFrame:
    """Two columns of a wide table as a long one, first before second."""
    if first == second:
        raise OptionError(f"first and second are both {first!r}; name two columns")
    source = open_table(data)
    values = [numbers(source, name, "paired") for name in (first, second)]
    occasion = pd.Categorical(np.repeat([first, second], source.n), categories=[first, second])
    pair = np.tile(np.arange(source.n), 2)
    return pd.DataFrame(dict(zip(PAIR, (pair, occasion, np.concatenate(values)), strict=True)))
