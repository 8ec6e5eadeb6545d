"""The covariance structures by name. A new one is one file and one line here."""

from __future__ import annotations

from nestwise.core.structures.autoregressive import AR1, HETAR1
from nestwise.core.structures.diagonal import DIAG
from nestwise.core.structures.identity import HOMDIAG
from nestwise.core.structures.structure import Structure
from nestwise.core.structures.symmetric import CS, HOMCS
from nestwise.core.structures.toeplitz import HOMTOEP, TOEP
from nestwise.core.structures.unstructured import US

STRUCTURES: dict[str, Structure] = {
    s.name: s for s in (US, DIAG, HOMDIAG, CS, HOMCS, AR1, HETAR1, TOEP, HOMTOEP)
}
