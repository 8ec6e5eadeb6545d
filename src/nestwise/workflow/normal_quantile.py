"""The quantile function of the normal distribution to sixteen digits."""

from __future__ import annotations

import math

import numpy as np

from nestwise._base.arrays import FloatArray

# Wichura's coefficients, lowest power first: centre (a/b), shoulder (c/d), tail (e/f).
_A = (
    3.3871328727963666080e0,
    1.3314166789178437745e2,
    1.9715909503065514427e3,
    1.3731693765509461125e4,
    4.5921953931549871457e4,
    6.7265770927008700853e4,
    3.3430575583588128105e4,
    2.5090809287301226727e3,
)
_B = (
    1.0,
    4.2313330701600911252e1,
    6.8718700749205790830e2,
    5.3941960214247511077e3,
    2.1213794301586595867e4,
    3.9307895800092710610e4,
    2.8729085735721942674e4,
    5.2264952788528545610e3,
)
_C = (
    1.42343711074968357734e0,
    4.63033784615654529590e0,
    5.76949722146069140550e0,
    3.64784832476320460504e0,
    1.27045825245236838258e0,
    2.41780725177450611770e-1,
    2.27238449892691845833e-2,
    7.74545014278341407640e-4,
)
_D = (
    1.0,
    2.05319162663775882187e0,
    1.67638483018380384940e0,
    6.89767334985100004550e-1,
    1.48103976427480074590e-1,
    1.51986665636164571966e-2,
    5.47593808499534494600e-4,
    1.05075007164441684324e-9,
)
_E = (
    6.65790464350110377720e0,
    5.46378491116411436990e0,
    1.78482653991729133580e0,
    2.96560571828504891230e-1,
    2.65321895265761230930e-2,
    1.24266094738807843860e-3,
    2.71155556874348757815e-5,
    2.01033439929228813265e-7,
)
_F = (
    1.0,
    5.99832206555887937690e-1,
    1.36929880922735805310e-1,
    1.48753612908506148525e-2,
    7.86869131145613259100e-4,
    1.84631831751005468180e-5,
    1.42151175831644588870e-7,
    2.04426310338993978564e-15,
)


def _fraction(
    r: FloatArray, top: tuple[float, ...], bottom: tuple[float, ...]
) -> tuple[FloatArray, FloatArray]:
    """top(r) and bottom(r) by Horner's rule."""
    numerator = np.full_like(r, top[-1])
    denominator = np.full_like(r, bottom[-1])
    for a, b in zip(top[-2::-1], bottom[-2::-1], strict=True):
        numerator = numerator * r + a
        denominator = denominator * r + b
    return numerator, denominator


def normal_quantile(p: FloatArray) -> FloatArray:
    """Value below which a standard normal variable falls with probability `p`.

    Parameters
    ----------
    p : (n,) float64
        Probabilities; outside [0, 1] the answer is NaN, at the ends it is infinite.

    Returns
    -------
    (n,) float64
        Quantiles, in standard deviations from the mean.

    Notes
    -----
    The tail takes its logarithm from the C library, one number at a time, because a vectorised
    logarithm may differ from it in the last bit, and these numbers are to equal R's exactly.

    Source: Wichura (1988), Algorithm AS 241, Applied Statistics 37, 477-484.

    Examples
    --------
    >>> normal_quantile(np.array([0.5, 0.9])).tolist()
    [0.0, 1.2815515655446008]
    """
    p = np.asarray(p, dtype=np.float64)
    q = p - 0.5
    top, bottom = _fraction(0.180625 - q * q, _A, _B)
    value = q * top / bottom
    tail = np.flatnonzero((np.abs(q) > 0.425) & (p > 0.0) & (p < 1.0))
    if tail.size:
        side = q[tail]
        smaller = np.where(side < 0.0, p[tail], 0.5 - p[tail] + 0.5)
        r = np.sqrt(np.array([-math.log(x) for x in smaller.tolist()]))
        z = np.where(
            r <= 5.0,
            np.divide(*_fraction(r - 1.6, _C, _D)),
            np.divide(*_fraction(r - 5.0, _E, _F)),
        )
        value[tail] = np.where(side < 0.0, -z, z)
    value[p == 0.0] = -np.inf
    value[p == 1.0] = np.inf
    value[~((p >= 0.0) & (p <= 1.0))] = np.nan
    return value
