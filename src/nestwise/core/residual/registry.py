"""The residual structures by name. A new one is one file and one line here."""

from __future__ import annotations

from nestwise.core.residual.antedependence import AD, ADH
from nestwise.core.residual.autoregressive import AR1, AR1H
from nestwise.core.residual.continuous import CAR1
from nestwise.core.residual.spatial import EXP, EXP_NUGGET, GAU, GAU_NUGGET
from nestwise.core.residual.structure import ResidualStructure
from nestwise.core.residual.symmetric import CS, CSH
from nestwise.core.residual.toeplitz import TOEP, TOEPH
from nestwise.core.residual.unstructured import US

RESIDUAL_STRUCTURES: dict[str, ResidualStructure] = {
    s.name: s
    for s in (
        US,
        CS,
        CSH,
        AR1,
        AR1H,
        AD,
        ADH,
        TOEP,
        TOEPH,
        CAR1,
        EXP,
        GAU,
        EXP_NUGGET,
        GAU_NUGGET,
    )
}
