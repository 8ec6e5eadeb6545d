"""Derivatives of compositions: the chain and product rules to third order."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.links.link import Four


def chain(outer: Four, inner: Four) -> Four:
    """f(g(eta)) with derivatives by eta (Faà di Bruno to third order).

    Parameters
    ----------
    outer : four arrays
        f and its derivatives at g(eta).
    inner : four arrays
        g and its derivatives at eta.

    Examples
    --------
    >>> two, zero = np.full(1, 2.0), np.zeros(1)
    >>> square = (two**2, 2 * two, two, zero)  # at g = 2
    >>> [float(v[0]) for v in chain(square, (two, two, two, two))]  # g = exp(eta) = 2
    [4.0, 8.0, 16.0, 32.0]
    """
    value, f1, f2, f3 = outer
    _, g1, g2, g3 = inner
    first = f1 * g1
    second = f2 * g1 * g1 + f1 * g2
    third = f3 * g1**3 + 3.0 * f2 * g1 * g2 + f1 * g3
    return value, first, second, third


def power_of_mean(log_mu: Four, power: float) -> Four:
    """mu**power with derivatives by eta, from those of log mu."""
    r, r1, r2, r3 = log_mu
    value = np.exp(power * r)
    k = power * r1
    second = k * k + power * r2
    third = k**3 + 3.0 * k * power * r2 + power * r3
    return value, value * k, value * second, value * third


def weighted(factor: FloatArray | float, of: Four) -> Four:
    """A multiple of a function and its derivatives."""
    return factor * of[0], factor * of[1], factor * of[2], factor * of[3]
