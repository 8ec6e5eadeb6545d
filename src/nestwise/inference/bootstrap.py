"""Bootstrap of a mixed model: what the estimates would do on data like these.

Source: Carpenter, Goldstein & Rasbash (2003), Applied Statistics 52, 431-443; van der Leeden,
Meijer & Busing (2008), Handbook of Multilevel Analysis, chapter 11.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import NestwiseError, OptionError
from nestwise._base.table import Table
from nestwise.fit.parts import FitParts, put_together, taken_apart
from nestwise.inference.kinds import MixedFit
from nestwise.inference.parameters import fit_parameters, fit_values
from nestwise.inference.replicates import run
from nestwise.inference.resampling import check_method, replicate_maker, top_factor
from nestwise.inference.simulate import positive_count, seed_entropy

FINE, SINGULAR, FAILED = 0, 1, 2


@dataclass(frozen=True, slots=True, eq=False)
class Bootstrap:
    """Replicates of all parameters.

    Parameters
    ----------
    fit : LmmFit, GlmmFit or StructuredFit
        What was resampled.
    method : str
        ``"parametric"``, ``"residual"`` or ``"cases"``.
    seed : int
        Replicate r depends on it and r alone.
    wanted : int
        Replicates that were asked for.
    terms : tuple of str
        Names of the parameters, `nestwise.inference.parameters`.
    estimate : (q,) float64
        Their estimates.
    replicates : (n_done, q) float64
        NaN in replicates that could not be fitted.
    status : (n_done,) int8
        0 fine, 1 singular, 2 failed (no fit, or not converged).
    interrupted : bool
        Whether Ctrl-C ended it early; ``bootstrap(..., resume=this)`` goes on.
    """

    fit: MixedFit
    method: str
    seed: int
    wanted: int
    terms: tuple[str, ...]
    estimate: FloatArray
    replicates: FloatArray
    status: NDArray[np.int8]
    interrupted: bool

    @property
    def n_done(self) -> int:
        """Replicates that were computed, failed ones included."""
        return len(self.status)

    @property
    def n_failed(self) -> int:
        """Replicates that could not be fitted or did not converge."""
        return int((self.status == FAILED).sum())

    @property
    def n_singular(self) -> int:
        """Replicates with a zero variance or a correlation of one."""
        return int((self.status == SINGULAR).sum())

    @property
    def notes(self) -> tuple[str, ...]:
        """What must be said about the replicates."""
        out = []
        if self.interrupted:
            out.append(
                f"Interrupted after {self.n_done} of {self.wanted} replicates; go on with resume=."
            )
        if self.n_failed:
            out.append(f"{self.n_failed} of {self.n_done} replicates failed and are left out.")
        if self.n_singular:
            out.append(f"{self.n_singular} of {self.n_done} replicates are singular.")
        return tuple(out)


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    """One bootstrap: the fit itself, or its parts, which can be sent to a worker."""

    fit: MixedFit | FitParts
    method: str
    seed: int

    def begin(self) -> Callable[[int], FloatArray]:
        fit = put_together(self.fit) if isinstance(self.fit, FitParts) else self.fit
        return row_maker(fit, self.method, self.seed)


def row_maker(fit: MixedFit, method: str, seed: int) -> Callable[[int], FloatArray]:
    """From the number of a replicate to its parameters and, last, its status.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Yield ~ 1 + (1 | Batch)", nw.load_dataset("Dyestuff"))
    >>> row_maker(m.fit, "parametric", 1)(0).size
    4
    """
    make, q = replicate_maker(fit, method, seed), len(fit_parameters(fit))

    def one(r: int) -> FloatArray:
        row = np.full(q + 1, np.nan)
        row[q] = FAILED
        try:
            found = make(r)
        except NestwiseError:
            return row
        if found.converged:
            row[:q] = found.values
            row[q] = SINGULAR if found.singular else FINE
        return row

    return one


def bootstrap(
    fit: MixedFit,
    n: int = 1000,
    *,
    method: str = "parametric",
    seed: int | None = None,
    n_jobs: int = 1,
    progress: bool = False,
    resume: Bootstrap | None = None,
) -> Bootstrap:
    """Refit the model to data drawn from itself, from its residuals, or from its groups.

    Parameters
    ----------
    fit : LmmFit, GlmmFit or StructuredFit
        The fit; the criterion (REML or ML) is kept.
    n : int
        Replicates, in all when resuming.
    method : str
        ``"parametric"``: new random effects and responses from the fitted distributions;
        ``"residual"`` (linear models): drawn from the modes and residuals, inflated to the
        estimated variances; ``"cases"``: whole groups of the outermost factor drawn with
        replacement. Fits with structured residuals have the first only.
    seed : int, optional
        The same seed gives the same replicates whatever `n_jobs`; a fresh one by default.
    n_jobs : int
        Worker processes, -1 for all cores.
    progress : bool
        Whether to show a bar.
    resume : Bootstrap, optional
        An earlier bootstrap of the same fit, whose replicates are kept.

    Returns
    -------
    Bootstrap
        After Ctrl-C with the replicates that were done.

    Raises
    ------
    OptionError
        When an argument is out of range, the method does not suit the model, or `resume` belongs
        to another bootstrap.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> b = bootstrap(m.fit, 50, seed=1)
    >>> b.replicates.shape, b.n_failed
    ((50, 6), 0)
    """
    count, listed = positive_count("n", n), fit_parameters(fit)
    check_method(fit, method)
    if method == "cases":
        top_factor(fit.design)
    done, entropy = _earlier(fit, method, seed, resume)
    task = _Task(fit if n_jobs == 1 else taken_apart(fit), method, entropy)
    found = run(task, range(len(done), count), n_jobs=n_jobs, progress=progress)
    rows = np.vstack([done, found.rows]) if len(found.rows) else done
    return Bootstrap(
        fit=fit,
        method=method,
        seed=entropy,
        wanted=count,
        terms=tuple(p.name for p in listed),
        estimate=fit_values(fit),
        replicates=np.ascontiguousarray(rows[:, :-1]),
        status=rows[:, -1].astype(np.int8),
        interrupted=found.interrupted,
    )


def _earlier(
    fit: MixedFit, method: str, seed: int | None, resume: Bootstrap | None
) -> tuple[FloatArray, int]:
    """Rows that are there already, and the seed to go on with."""
    if resume is None:
        return np.empty((0, len(fit_parameters(fit)) + 1)), seed_entropy(seed)
    if resume.method != method:
        raise OptionError(
            f"resume was drawn with method={resume.method!r}, not {method!r}; give the same method"
        )
    if seed is not None and seed != resume.seed:
        raise OptionError(f"resume was drawn with seed={resume.seed}, not {seed}; leave seed out")
    same = resume.fit is fit or (
        np.array_equal(resume.estimate, fit_values(fit), equal_nan=True)
        and np.array_equal(resume.fit.design.y, fit.design.y)
    )
    if not same:
        raise OptionError("resume belongs to another fit; begin anew without resume")
    return np.column_stack([resume.replicates, resume.status]), resume.seed


def bootstrap_table(found: Bootstrap) -> Table:
    """Estimate, bias, standard error and number of usable replicates of each parameter.

    Returns
    -------
    Table
        ``term estimate bias std_error n``.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Yield ~ 1 + (1 | Batch)", nw.load_dataset("Dyestuff"))
    >>> list(bootstrap_table(bootstrap(m.fit, 20, seed=1)))
    ['term', 'estimate', 'bias', 'std_error', 'n']
    """
    usable = np.isfinite(found.replicates)
    n = usable.sum(axis=0)
    total = np.where(usable, found.replicates, 0.0).sum(axis=0)
    mean = np.divide(total, n, out=np.full(len(n), np.nan), where=n > 0)
    squares = np.where(usable, (found.replicates - mean) ** 2, 0.0).sum(axis=0)
    variance = np.divide(squares, n - 1, out=np.full(len(n), np.nan), where=n > 1)
    return Table(
        {
            "term": np.array(found.terms, dtype=object),
            "estimate": found.estimate,
            "bias": mean - found.estimate,
            "std_error": np.sqrt(variance),
            "n": n,
        },
        " ".join(found.notes),
    )


__all__ = ["Bootstrap", "bootstrap", "bootstrap_table", "row_maker"]
