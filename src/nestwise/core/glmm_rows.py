"""A family with its link, response and weights filled in: what a kernel asks row by row."""

from __future__ import annotations

from dataclasses import dataclass

from nestwise._base.arrays import FloatArray
from nestwise.core.families.family import Family, RowTerms
from nestwise.core.links.link import Link


@dataclass(frozen=True, slots=True, eq=False)
class FamilyRows:
    """The log-likelihood of each row as a function of its linear predictor.

    Parameters
    ----------
    family : Family
        Distribution of the response.
    link : Link
        The link function.
    y : (n,) float64
        Response.
    weights : (n,) float64
        Prior weights; the trials of binomial data.
    """

    family: Family
    link: Link
    y: FloatArray
    weights: FloatArray

    def __call__(self, eta: FloatArray, phi: float | None) -> RowTerms:
        """See `nestwise.core.glmm_kernel.RowFunction`."""
        return self.family.rows(self.y, eta, self.weights, phi, self.link)
