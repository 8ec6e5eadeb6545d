"""The variance functions by name. A new one is one file and one line here."""

from __future__ import annotations

from nestwise.core.residual_variance.exponential import EXPONENTIAL
from nestwise.core.residual_variance.function import VarianceFunction
from nestwise.core.residual_variance.ident import IDENT
from nestwise.core.residual_variance.power import POWER

VARIANCE_FUNCTIONS: dict[str, VarianceFunction] = {f.name: f for f in (IDENT, POWER, EXPONENTIAL)}
