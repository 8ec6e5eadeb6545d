"""A design with more groups or fewer, and more rows in each or fewer."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import AnyArray, FloatArray
from nestwise._base.errors import OptionError, did_you_mean
from nestwise.design.model import Design, GroupingFactor
from nestwise.design.rank import redundant_columns
from nestwise.inference.refitting import take_rows


def extend(design: Design, group: str | None, n_groups: int | None, size: int | None) -> Design:
    """Copy groups, or leave some out, and rows within them.

    Groups and rows are put in the order of their covariates and taken evenly spaced from them,
    again from the first when there are not enough, so that covariates keep their distribution:
    half of twelve groups that are treated in turn has three treated. Groups nested in a copied
    group are copied with it; crossed groups stay the same.

    Parameters
    ----------
    design : Design
        With random terms.
    group : str or None
        The grouping factor; that with the fewest groups by default.
    n_groups : int or None
        How many groups; as many as there are when None.
    size : int or None
        Rows in each group; as they are when None.

    Returns
    -------
    Design

    Raises
    ------
    OptionError
        When the group is not known, or what is left does not determine the coefficients.

    Examples
    --------
    >>> from nestwise.design import build
    >>> import nestwise as nw
    >>> sleep = build("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> larger = extend(sleep, "Subject", 40, 5)
    >>> larger.y.size, larger.factors[0].n_levels
    (200, 40)
    """
    factor = extended_factor(design, group)
    if n_groups is None and size is None:
        return design
    n = factor.n_levels if n_groups is None else n_groups
    order = np.argsort(factor.codes, kind="stable")
    counts = np.bincount(factor.codes, minlength=factor.n_levels)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    X, rows, copies = design.fixed.X, [], []
    means = np.add.reduceat(X[order], starts, axis=0) / counts[:, None]
    for new, old in enumerate(_evenly(means, n)):
        own = order[starts[old] : starts[old] + counts[old]]
        taken = own if size is None else own[_evenly(X[own], size)]
        rows.append(taken)
        copies.append(np.full(len(taken), new // factor.n_levels))
    apart = [_within(f, factor) for f in design.factors]
    larger = take_rows(design, np.concatenate(rows), np.concatenate(copies), apart)
    return _checked(larger, n, size)


def extended_factor(design: Design, group: str | None) -> GroupingFactor:
    """The factor whose groups are copied.

    Raises
    ------
    OptionError
        When there is none of that name.

    Examples
    --------
    >>> from nestwise.design import build
    >>> import nestwise as nw
    >>> design = build("strength ~ 1 + (1 | batch/cask)", nw.load_dataset("Pastes"))
    >>> extended_factor(design, None).name
    'batch'
    """
    if group is None:
        return min(design.factors, key=lambda f: f.n_levels)
    by_name = {f.name: f for f in design.factors}
    if group not in by_name:
        raise OptionError(f"group={group!r} is no group of the model{did_you_mean(group, by_name)}")
    return by_name[group]


def _evenly(X: FloatArray, want: int) -> AnyArray:
    """Positions of the rows of X, as often as it takes, the last round evenly spaced along X."""
    have = len(X)
    rounds, rest = divmod(want, have)
    along = np.lexsort(X.round(10).T[::-1])
    last = np.sort(along[np.arange(rest) * have // max(rest, 1)])
    return np.concatenate([np.tile(np.arange(have), rounds), last])


def _within(factor: GroupingFactor, target: GroupingFactor) -> bool:
    """Whether each level of `factor` lies in one level of `target`."""
    parent = np.zeros(factor.n_levels, target.codes.dtype)
    parent[factor.codes] = target.codes
    return bool(np.array_equal(parent[factor.codes], target.codes))


def _checked(design: Design, n_groups: int, size: int | None) -> Design:
    out = redundant_columns(design.fixed.X, design.fixed.intercept)
    if out:
        names = ", ".join(design.fixed.names[j] for j in out)
        shown = f"n_groups={n_groups}" + ("" if size is None else f", group_size={size}")
        raise OptionError(
            f"{shown}: the rows that are left do not determine {names}; take more groups or rows"
        )
    return design


__all__ = ["extend", "extended_factor"]
