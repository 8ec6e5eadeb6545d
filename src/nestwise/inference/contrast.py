"""Linear combinations of the fixed effects that the user asks about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import OptionError, did_you_mean
from nestwise._base.options import flag
from nestwise._base.table import Table
from nestwise.inference.hypothesis import joint_test, single_tests
from nestwise.inference.kinds import Fit

CONSISTENT = 1e-8
"""Relative size at which the right-hand sides of dependent rows count as contradictory."""


def contrast(
    fit: Fit, L: Any, rhs: Any = 0.0, joint: bool = False, ddf: str | None = None
) -> Table:
    """Test linear combinations of the fixed effects.

    Parameters
    ----------
    fit : LmmFit or LmFit
        The fit.
    L : array, mapping, str or sequence
        The combinations: a row of p weights or a (q, p) array of them; ``{"Days": 1}``, weights by
        coefficient name (or a list of such mappings); ``"Days"`` or ``["a", "b"]``, coefficients
        by name; or ``{"label": {"a": 1, "b": -1}, ...}``, combinations with a label.
    rhs : float or sequence of q floats
        Hypothesised values.
    joint : bool
        Whether all rows are tested together by F (else each by t).
    ddf : str, optional
        Degrees of freedom: see `nestwise.inference.ddf`.

    Returns
    -------
    Table
        ``term estimate std_error statistic df p_value``; with `joint` one row ``num_df den_df
        f_value p_value``.

    Raises
    ------
    OptionError
        When weights are of the wrong number, not finite or all zero, a name is not known, or the
        hypotheses contradict one another.

    Source
    ------
    Kuznetsova, Brockhoff & Christensen (2017), J. Stat. Softw. 82(13), section 3.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> t = contrast(m.fit, {"(Intercept)": 1, "Days": 9})
    >>> t["estimate"].round(2).tolist(), t["df"].round(2).tolist()
    ([345.61], [17.0])
    """
    labels, rows = read_contrasts(L, fit.design.fixed.names)
    values = _right_side(rhs, len(rows))
    if not flag("joint", joint):
        t = single_tests(fit, rows, values, ddf)
        return Table(
            {
                "term": np.array(labels, dtype=object),
                "estimate": t.estimate,
                "std_error": t.std_error,
                "statistic": t.statistic,
                "df": t.df,
                "p_value": t.p_value,
            }
        )
    _check_consistent(rows, values)
    f = joint_test(fit, rows, values, ddf)
    return Table(
        {
            "num_df": np.array([f.num_df]),
            "den_df": np.array([f.den_df]),
            "f_value": np.array([f.f_value]),
            "p_value": np.array([f.p_value]),
        }
    )


def read_contrasts(L: Any, names: Sequence[str]) -> tuple[list[str], FloatArray]:
    """Labels and weights of the combinations, from any of the ways to write them.

    Raises
    ------
    OptionError
        As `contrast`.

    Examples
    --------
    >>> labels, rows = read_contrasts({"a": 1, "b": -1}, ("a", "b"))
    >>> labels, rows.tolist()
    (['a - b'], [[1.0, -1.0]])
    """
    if isinstance(L, str):
        L = [L]
    pairs: list[tuple[str | None, FloatArray]]
    if isinstance(L, Mapping) and L and all(isinstance(v, Mapping) for v in L.values()):
        pairs = [(str(label), _from_mapping(weights, names)) for label, weights in L.items()]
    elif isinstance(L, Mapping):
        pairs = [(None, _from_mapping(L, names))]
    elif _is_list_of(L, str):
        pairs = [(name, _from_mapping({name: 1.0}, names)) for name in L]
    elif _is_list_of(L, Mapping):
        pairs = [(None, _from_mapping(weights, names)) for weights in L]
    else:
        pairs = [(None, row) for row in _from_array(L, names)]
    if not pairs:
        raise OptionError("contrast: L has no rows; give at least one combination")
    for number, (_, row) in enumerate(pairs, 1):
        if not np.isfinite(row).all():
            raise OptionError(f"contrast: row {number} of L has weights that are not finite")
        if not row.any():
            raise OptionError(f"contrast: row {number} of L has only zeros; nothing to test")
    labels = [_label(row, names) if label is None else label for label, row in pairs]
    return labels, np.array([row for _, row in pairs])


def _is_list_of(L: Any, kind: type) -> bool:
    return isinstance(L, (list, tuple)) and bool(L) and all(isinstance(one, kind) for one in L)


def _from_mapping(weights: Mapping[Any, Any], names: Sequence[str]) -> FloatArray:
    row = np.zeros(len(names))
    for name, weight in weights.items():
        if name not in names:
            hint = did_you_mean(str(name), names)
            raise OptionError(f"contrast: there is no coefficient {name!r}{hint}")
        if isinstance(weight, bool) or not isinstance(weight, (int, float, np.number)):
            raise OptionError(f"contrast: the weight of {name!r} is {weight!r}, not a number")
        row[names.index(name)] = float(weight)
    return row


def _from_array(L: Any, names: Sequence[str]) -> FloatArray:
    try:
        rows = np.atleast_2d(np.array(L, dtype=np.float64))
    except (TypeError, ValueError):
        raise OptionError(
            f"contrast: L={L!r} is neither numbers, a mapping of coefficient names to weights, nor "
            "a list of coefficient names"
        ) from None
    if rows.ndim != 2 or rows.shape[1] != len(names):
        given = rows.shape[-1]
        raise OptionError(
            f"contrast: L has {given} weight{'s' if given != 1 else ''} a row, but the model has "
            f"{len(names)} coefficients: {', '.join(names)}"
        )
    return rows


def _label(row: FloatArray, names: Sequence[str]) -> str:
    """The combination in words: ``a - 0.5 b``."""
    text = ""
    for name, weight in zip(names, row.tolist(), strict=True):
        if weight == 0.0:
            continue
        size = "" if abs(weight) == 1.0 else f"{abs(weight):.4g} "
        sign = ("-" if weight < 0 else "") if not text else " - " if weight < 0 else " + "
        text += f"{sign}{size}{name}"
    return text


def _right_side(rhs: Any, q: int) -> FloatArray:
    try:
        values = np.array(rhs, dtype=np.float64)
    except (TypeError, ValueError):
        raise OptionError(f"contrast: rhs={rhs!r} is not made of numbers") from None
    if values.shape not in ((), (1,), (q,)) or not np.isfinite(values).all():
        raise OptionError(
            f"contrast: rhs={rhs!r} does not fit; give one finite number, or one for each of the "
            f"{q} rows of L"
        )
    return np.array(np.broadcast_to(values, (q,)))


def _check_consistent(rows: FloatArray, values: FloatArray) -> None:
    solution, *_ = np.linalg.lstsq(rows, values, rcond=None)
    gap = np.abs(rows @ solution - values).max()
    if gap > CONSISTENT * max(1.0, float(np.abs(values).max())):
        raise OptionError(
            "contrast: the rows of L depend on one another and their right-hand sides contradict "
            "one another, so no coefficients can satisfy them all; correct rhs or drop a row"
        )
