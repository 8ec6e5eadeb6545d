"""Deletion statistics as users hold them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

from nestwise._base.arrays import FloatArray
from nestwise._base.printed import printed_html
from nestwise.api.source import to_native
from nestwise.inference.influence import Influence


@final
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class InfluenceResult:
    """What the fit would be without each row, or without each group.

    Parameters
    ----------
    influence : Influence
        The frozen numbers, as arrays.
    data : table
        The caller's table: answers come in its kind.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> m.influence("Subject").cooks_distance[:2].round(3).tolist()
    [0.092, 0.149]
    """

    influence: Influence
    data: Any

    @property
    def table(self) -> Any:
        """Long: ``level term estimate std_error dfbeta dfbetas cooks_distance sigma``."""
        return to_native(self.influence.table, self.data)

    @property
    def cooks_distance(self) -> FloatArray:
        """Cook's distance of the fixed effects, one a level."""
        return self.influence.cooks_distance.copy()

    @property
    def dfbetas(self) -> FloatArray:
        """Changes of the coefficients in standard errors, (levels, p)."""
        return self.influence.dfbetas.copy()

    def __getitem__(self, name: str) -> Any:
        return self.table[name]

    def __len__(self) -> int:
        return len(self.influence.levels)

    def __repr__(self) -> str:
        i = self.influence
        what = "rows" if i.by is None else f"levels of {i.by}"
        how = "refitted" if i.exact else "one step"
        return f"<InfluenceResult: {len(self)} {what} left out in turn, {how}>"

    _repr_html_ = printed_html
