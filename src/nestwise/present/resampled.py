"""Profiles, bootstraps and bootstrap comparisons as plain text."""

from __future__ import annotations

from nestwise._base.table import Table
from nestwise.inference.bootstrap import Bootstrap, bootstrap_table
from nestwise.inference.pb_compare import Comparison
from nestwise.inference.pb_table import comparison_table
from nestwise.inference.profile import Profile
from nestwise.inference.profile_interval import profile_interval
from nestwise.present.tabletext import table_text


def _under(lines: list[str], notes: tuple[str, ...]) -> str:
    return "\n".join([*lines, *([""] if notes else []), *notes])


def _bare(table: Table) -> Table:
    return Table(table.columns)


def profile_text(found: Profile) -> str:
    """The 95 % intervals (or those of the level that the profile reaches) and the notes.

    Examples
    --------
    >>> import nestwise as nw
    >>> from nestwise.inference.profile import profile
    >>> m = nw.lmer("Yield ~ 1 + (1 | Batch)", nw.load_dataset("Dyestuff"), REML=False)
    >>> print(profile_text(profile(m.fit, ["sigma"])).splitlines()[0])
    Profile likelihood: -2 log-likelihood 327.3, 95 % intervals
    """
    level = min(found.level, 0.95)
    head = (
        f"Profile likelihood: -2 log-likelihood {found.deviance:.1f}, {100.0 * level:g} % intervals"
    )
    return _under([head, table_text(_bare(profile_interval(found, level)))], found.notes)


def bootstrap_text(found: Bootstrap) -> str:
    """Estimates, biases and standard errors, and how many replicates could be used.

    Examples
    --------
    >>> import nestwise as nw
    >>> from nestwise.inference.bootstrap import bootstrap
    >>> m = nw.lmer("Yield ~ 1 + (1 | Batch)", nw.load_dataset("Dyestuff"))
    >>> print(bootstrap_text(bootstrap(m.fit, 20, seed=1)).splitlines()[0])
    Parametric bootstrap: 20 replicates, seed 1
    """
    head = f"{found.method.capitalize()} bootstrap: {found.n_done} replicates, seed {found.seed}"
    return _under([head, table_text(_bare(bootstrap_table(found)))], found.notes)


def comparison_text(found: Comparison) -> str:
    """The tests and their notes.

    Examples
    --------
    >>> import nestwise as nw
    >>> from nestwise.inference.pb_compare import pb_compare
    >>> data = nw.load_dataset("sleepstudy")
    >>> m0, m1 = nw.lm("Reaction ~ 1", data), nw.lm("Reaction ~ Days", data)
    >>> print(comparison_text(pb_compare(m0.fit, m1.fit, n=20, seed=1)).splitlines()[0])
    Parametric bootstrap test of the larger against the smaller model
    """
    head = "Parametric bootstrap test of the larger against the smaller model"
    return head + "\n" + table_text(comparison_table(found))


__all__ = ["bootstrap_text", "comparison_text", "profile_text"]
