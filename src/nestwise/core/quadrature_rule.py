"""Nodes and weights of Gauss-Hermite quadrature in k dimensions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise._base.errors import OptionError

MOST_NODES = 20_000
"""Nodes of a product rule beyond which a model is refused: n nodes in k dimensions are n^k."""

MOST_POINTS = 100
"""Points in one dimension; far before this the integrand is exact to rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """A product rule for integrals against the standard normal density in k dimensions.

    Parameters
    ----------
    nodes : (J, k) float64
        Places z_j.
    log_weights : (J,) float64
        log w_j + |z_j|^2 / 2: what an integrand written as exp(h) is to be multiplied with once
        it has been brought to the mode and the scale of the standard normal.
    """

    nodes: FloatArray
    log_weights: FloatArray


@lru_cache(maxsize=16)
def gauss_hermite(n_points: int, k: int) -> Rule:
    """The product Gauss-Hermite rule with `n_points` points in each of k dimensions.

    Parameters
    ----------
    n_points : int
        Points in one dimension, 1 to 100; 1 gives the Laplace approximation.
    k : int
        Dimensions: random effects of a level.

    Returns
    -------
    Rule
        n_points^k nodes; weights of an integral against the normal density sum to one.

    Raises
    ------
    OptionError
        When there are too many points or nodes.

    Source
    ------
    Pinheiro & Bates (1995), J. Comput. Graph. Statist. 4, section 2.4.

    Examples
    --------
    >>> rule = gauss_hermite(3, 1)
    >>> rule.nodes[:, 0].round(4).tolist()
    [-1.7321, 0.0, 1.7321]
    """
    if not 1 <= n_points <= MOST_POINTS:
        raise OptionError(f"nAGQ={n_points} is not between 1 and {MOST_POINTS}; 7 to 25 is usual")
    if n_points**k > MOST_NODES:
        most = int(MOST_NODES ** (1.0 / k) + 1e-9)
        raise OptionError(
            f"nAGQ={n_points} with {k} random effects a level needs {n_points**k} nodes for each "
            f"level; use nAGQ={most} or fewer, or fewer random effects"
        )
    z, w = np.polynomial.hermite_e.hermegauss(n_points)
    w = np.log(w / w.sum()) + 0.5 * z**2
    nodes = np.array(list(product(z, repeat=k)), dtype=np.float64).reshape(-1, k)
    weights = np.array(list(product(w, repeat=k)), dtype=np.float64).reshape(-1, k).sum(axis=1)
    nodes.setflags(write=False)
    weights.setflags(write=False)
    return Rule(nodes, weights)
