"""Power by simulation as text."""

from __future__ import annotations

import numpy as np

from nestwise._base.table import Table
from nestwise.present.tabletext import table_text

TEST_WORDS = {
    "satterthwaite": "t test with Satterthwaite's degrees of freedom",
    "kenward-roger": "t test after Kenward and Roger",
    "normal": "z test",
    "lrt": "likelihood-ratio test",
}


def power_text(term: str, test: str, alpha: float, table: Table, interrupted: bool) -> str:
    """What was tested, the counts, and what to know of them.

    Parameters
    ----------
    term, test : str
        The coefficient and how it is tested.
    alpha : float
        Level of the test.
    table : Table
        As `nestwise.power` has it.
    interrupted : bool
        Whether the run was stopped by hand.

    Returns
    -------
    str

    Examples
    --------
    >>> t = Table({k: np.array([1.0]) for k in ("n_groups", "group_size", "n_rows", "effect",
    ...     "power", "std_error", "conf_low", "conf_high", "n_sim", "n_failed")})
    >>> print(power_text("x", "lrt", 0.05, t, False).splitlines()[0])
    Power to find x at the 5 % level (likelihood-ratio test)
    """
    names = ("n_groups", "group_size", "n_rows", "effect", "power", "std_error", "conf_low",
             "conf_high", "n_sim")  # fmt: skip
    shown = Table({name: _rounded(name, table) for name in names})
    lines = [
        power_title(term, test, alpha),
        "",
        table_text(shown, 4),
        "",
        "std_error is the simulation's own error; the limits are a 95 % interval.",
    ]
    failed = int(np.nansum(table["n_failed"]))
    if failed:
        lines.append(f"{failed} fits did not converge and are not counted.")
    if interrupted:
        lines.append("The run was stopped by hand.")
    return "\n".join(lines)


def power_title(term: str, test: str, alpha: float) -> str:
    """What was tested, in a line.

    Examples
    --------
    >>> power_title("x", "normal", 0.01)
    'Power to find x at the 1 % level (z test)'
    """
    return f"Power to find {term} at the {100 * alpha:g} % level ({TEST_WORDS[test]})"


def _rounded(name: str, table: Table) -> np.ndarray:
    digits = {"power": 3, "std_error": 4, "conf_low": 3, "conf_high": 3, "group_size": 1}
    return np.round(table[name], digits[name]) if name in digits else table[name]


__all__ = ["power_text", "power_title"]
