"""`nestwise.plot`: plots of data, of fitted models, and of several models together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from nestwise.api.source import Source
from nestwise.present.plots import (
    caterpillar as _caterpillar,
)
from nestwise.present.plots import (
    checks as _checks,
)
from nestwise.present.plots import (
    effects as _effects,
)
from nestwise.present.plots import (
    groups as _groups,
)
from nestwise.present.plots import (
    observed as _observed,
)
from nestwise.present.plots import (
    pooling as _pooling,
)
from nestwise.present.plots import (
    profile as _profile,
)
from nestwise.present.plots import (
    quantile as _quantile,
)
from nestwise.present.plots import (
    random_pairs as _random_pairs,
)
from nestwise.present.plots import (
    random_quantile as _random_quantile,
)
from nestwise.present.plots import (
    residual as _residual,
)
from nestwise.present.plots import (
    shares as _shares,
)
