"""Random models with structured residuals, for comparisons with the dense definition."""

from __future__ import annotations

import numpy as np

from nestwise._base.arrays import FloatArray
from nestwise.core.residual.registry import RESIDUAL_STRUCTURES
from nestwise.core.structured.model import EffectArrays, ErrorArrays, StructuredArrays

VISITS = 5


def random_arrays(
    name: str | None,
    seed: int,
    *,
    effects: tuple[str, ...] = (),
    missing: bool = True,
    weights: bool = False,
    n_subjects: int = 14,
) -> StructuredArrays:
    """Two arms, shuffled rows, a covariate in the variance; `effects`: "subject", "crossed"."""
    rng = np.random.default_rng(seed)
    subject = np.repeat(np.arange(n_subjects), VISITS)
    visit = np.tile(np.arange(VISITS), n_subjects)
    kept = rng.random(subject.size) > 0.2 if missing else np.ones(subject.size, dtype=bool)
    order = rng.permutation(np.flatnonzero(kept))
    _, subject = np.unique(subject[order], return_inverse=True)
    subject, visit, n = subject.astype(np.int32), visit[order].astype(np.int32), order.size
    arm = (subject % 2).astype(np.int32)
    X = np.column_stack([np.ones(n), visit, arm, rng.normal(size=n)])
    y = X @ [1.0, 2.0, 3.0, 0.5] + rng.normal(size=n) + rng.normal(size=n_subjects)[subject]
    terms = []
    if "subject" in effects:
        Z = np.column_stack([np.ones(n), visit / 2.0])
        free = ((0, 0), (1, 0), (1, 1))
        terms.append(EffectArrays(subject, n_subjects, Z, np.ones(2), free))
    if "crossed" in effects:
        codes = rng.permutation(np.arange(n) % 6).astype(np.int32)
        terms.append(EffectArrays(codes, 6, np.ones((n, 1)), np.ones(1), ((0, 0),)))
    errors = ErrorArrays(
        structure=None if name is None else RESIDUAL_STRUCTURES[name],
        subject=subject,
        arm=arm,
        n_arms=2,
        visit=visit,
        n_visits=VISITS,
        time=visit.astype(np.float64),
        distance=1.0,
        features=np.column_stack([arm == 1, np.log(1.0 + visit)]).astype(np.float64),
        weights=rng.uniform(0.5, 2.0, n) if weights else None,
    )
    return StructuredArrays(y, X, tuple(terms), errors)


def random_par(arrays: StructuredArrays, seed: int) -> FloatArray:
    """Somewhere inside: random effects of moderate size, the structure near its start."""
    rng = np.random.default_rng(seed)
    effects = [0.7 if r == c else 0.3 for _, r, c in arrays.entries]
    structure = arrays.errors.structure
    own = np.zeros(0) if structure is None else np.tile(structure.start(VISITS, 1.0), 2)
    par = np.concatenate([effects, own, [0.1, 0.2]])
    return np.asarray(par + 0.1 * rng.normal(size=par.size))
