"""A column table that belongs to no data-frame library: what inference hands to the facade."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nestwise._base.arrays import AnyArray


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Named columns of equal length; the facade turns it into the caller's own frame kind.

    Parameters
    ----------
    columns : mapping of str to ndarray
        Column name (snake_case) to values; text columns have dtype object.
    note : str
        A remark printed under the table, e.g. that models were refitted by ML.

    Examples
    --------
    >>> import numpy as np
    >>> t = Table({"term": np.array(["x"], dtype=object), "estimate": np.array([1.5])})
    >>> len(t), t["estimate"][0].item(), list(t)
    (1, 1.5, ['term', 'estimate'])
    """

    columns: Mapping[str, AnyArray]
    note: str = ""

    def __getitem__(self, name: str) -> AnyArray:
        return self.columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return next((len(v) for v in self.columns.values()), 0)
