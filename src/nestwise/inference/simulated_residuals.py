"""Simulated (quantile) residuals: where each observation lies among those the model would give.

Source: Dunn & Smyth (1996), J. Comput. Graph. Stat. 5, 236-244 (randomised quantile residuals);
Besag & Clifford (1989), Biometrika 76, 633-642 (Monte-Carlo tests).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import bdtr, bdtrc

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import OptionError
from nestwise._base.printed import aligned, printed_html
from nestwise._base.table import Table
from nestwise.inference.kinds import Fit, GlmmFit
from nestwise.inference.simulate import draw, generator, positive_count, predictor, seed_entropy

LARGEST = 50_000_000
"""Simulated numbers that are held at once."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SimulatedResiduals:
    """Quantile residuals and what they say of the model.

    Parameters
    ----------
    residuals : (n,) float64
        Share of simulated observations below the one observed, between 0 and 1; uniform under the
        model.
    tests : Table
        ``test statistic p_value``: ``uniformity`` (Kolmogorov-Smirnov distance), ``dispersion``
        (variance about the mean over that of the simulations), ``outliers`` (rows outside all
        simulations).
    n_simulations : int
        Simulations.
    seed : int
        Draws the same again.
    """

    residuals: FloatArray
    tests: Table
    n_simulations: int
    seed: int

    def __str__(self) -> str:
        t = self.tests
        rows = [
            [str(t["test"][i]), f"{t['statistic'][i]:.4g}", f"{t['p_value'][i]:.3f}"]
            for i in range(len(t))
        ]
        head = f"Quantile residuals of {self.residuals.size} rows"
        how = f"{self.n_simulations} simulations, seed {self.seed}"
        return "\n".join([f"{head}; {how}", "", *aligned(["test", "statistic", "p"], rows)])

    __repr__ = __str__
    _repr_html_ = printed_html


def simulated_residuals(
    fit: Fit, n: int = 250, seed: int | None = None, conditional: bool = False
) -> SimulatedResiduals:
    """Quantile residuals by simulation, with Monte-Carlo tests.

    Rows of one group are alike under the model, so the distance from uniformity is compared with
    that of the simulated data sets themselves, which are alike in the same way.

    Parameters
    ----------
    fit : LmmFit or LmFit
        The fit.
    n : int
        Simulations; the smallest p value is 1 / (n + 1).
    seed : int, optional
        None draws a fresh one, which the result tells.
    conditional : bool
        Whether the estimated random effects are kept; else new ones are drawn.

    Returns
    -------
    SimulatedResiduals

    Raises
    ------
    OptionError
        When `n` is no whole number above zero, or so large that memory would not do.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> r = simulated_residuals(m.fit, seed=1)
    >>> r.residuals.size, r.tests["test"].tolist()
    (180, ['uniformity', 'dispersion', 'outliers'])
    >>> print(r)
    Quantile residuals of 180 rows; 250 simulations, seed 1
    <BLANKLINE>
    test        statistic      p
    ...
    """
    count = positive_count("n", n)
    rows = fit.design.y.size
    if count * rows > LARGEST:
        raise OptionError(
            f"n={count} simulations of {rows} rows do not fit into memory; use at most "
            f"n={max(1, LARGEST // rows)}"
        )
    entropy = seed_entropy(seed)
    mean = predictor(fit, conditional)
    drawn = np.empty((rows, count + 1))
    for r in range(count):
        drawn[:, r + 1] = draw(fit, mean, generator(entropy, r), conditional)
    drawn[:, 0] = fit.design.y
    random = generator(entropy, count)
    jitter = random.random(drawn.shape)
    ranks = _ranks(drawn, jitter) if isinstance(fit, GlmmFit) else _ranks(drawn, None)
    uniform = (ranks + jitter) / (count + 1)
    if isinstance(fit, GlmmFit):
        mean = drawn[:, 1:].mean(axis=1)
    spread = np.var(drawn - mean[:, None], axis=0)
    return SimulatedResiduals(uniform[:, 0].copy(), _tests(uniform, spread, ranks), count, entropy)


def _ranks(drawn: FloatArray, ties: FloatArray | None) -> np.ndarray:
    """Rank of each column within its row; counts that are equal are ordered by `ties`."""
    if ties is None:
        order = drawn.argsort(axis=1, kind="stable")
    else:
        order = np.lexsort((ties, drawn), axis=1)
    return order.argsort(axis=1, kind="stable")


def _tests(uniform: FloatArray, spread: FloatArray, ranks: np.ndarray) -> Table:
    """Each statistic of the observed data (column 0) among those of the simulated ones."""
    rows, columns = uniform.shape
    distance = np.array([_distance(uniform[:, c]) for c in range(columns)])
    ratio = spread / spread[1:].mean()
    outside = int(np.sum((ranks[:, 0] == 0) | (ranks[:, 0] == columns - 1)))
    chance = 2.0 / columns
    tail = min(bdtr(outside, rows, chance), bdtrc(outside - 1, rows, chance) if outside else 1.0)
    return Table(
        {
            "test": np.array(["uniformity", "dispersion", "outliers"], dtype=object),
            "statistic": np.array([distance[0], ratio[0], float(outside)]),
            "p_value": np.array(
                [_upper(distance), min(1.0, 2.0 * min(_upper(ratio), _upper(-ratio))),
                 min(1.0, 2.0 * float(tail))]
            ),
        }
    )  # fmt: skip


def _upper(values: FloatArray) -> float:
    """Share of the data sets with a statistic at least as large as the observed one."""
    return float(np.mean(values >= values[0]))


def _distance(u: FloatArray) -> float:
    """Kolmogorov and Smirnov's distance from the uniform distribution."""
    ordered, n = np.sort(u), u.size
    steps = np.arange(1, n + 1) / n
    return float(max((steps - ordered).max(), (ordered - steps + 1.0 / n).max()))
