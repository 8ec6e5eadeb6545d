"""Analysis of variance under its heading, as R prints it, with the table in the caller's kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import pandas as pd

from nestwise._base.errors import OptionError
from nestwise._base.printed import printed_html
from nestwise._base.table import Table
from nestwise.api.fitted import Fitted
from nestwise.api.source import to_native
from nestwise.inference.anova import anova_lm, anova_lmm
from nestwise.inference.kinds import Fit, GlmmFit, LmFit
from nestwise.present.anovatext import anova_text, typed_anova_text


@final
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class AnovaTable:
    """F tests of the terms; prints as R does, under its heading.

    Parameters
    ----------
    found : Table
        The numbers.
    text : str
        What is printed.
    data : table
        The caller's data.
    """

    found: Table
    text: str
    data: Any

    @property
    def heading(self) -> str:
        """What the table is: its type, and the method of its degrees of freedom."""
        return self.text.partition("\n")[0]

    @property
    def table(self) -> Any:
        """The table in the caller's kind; a pandas frame has the heading in ``attrs``."""
        frame = to_native(self.found, self.data)
        if isinstance(frame, pd.DataFrame):
            frame.attrs["heading"] = self.heading
        return frame

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__
    _repr_html_ = printed_html


def anova_table(model: Fitted, type: int | None = None, ddf: str = "satterthwaite") -> AnovaTable:
    """F tests of the terms, printed as R prints them: ``print(model.anova_table())``.

    `type` and `ddf` are those of `anova`, whose table it holds in ``.table``.
    """
    fit: Fit = model.fit
    if isinstance(fit, GlmmFit):
        raise OptionError("anova_table has F tests; use anova() for the tests of this model")
    if isinstance(fit, LmFit):
        found = anova_lm(fit, 1 if type is None else type)
        text = anova_text(found, fit.design.formula.response_label)
    else:
        kind = 3 if type is None else type
        found = anova_lmm(fit, kind, ddf)
        text = typed_anova_text(found, kind, ddf)
    return AnovaTable(found, text, model.source.data)


__all__ = ["AnovaTable", "anova_table"]
