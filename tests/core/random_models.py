"""Random small models: nested, crossed, vector-valued, weighted."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from nestwise.core.problem import ModelArrays, TermColumns


def _levels(rng: np.random.Generator, n: int, m: int) -> np.ndarray:
    codes = np.concatenate([np.arange(m), rng.integers(0, m, n - m)])
    rng.shuffle(codes)
    return codes.astype(np.int32)


def _nested_in(rng: np.random.Generator, inner: np.ndarray, m: int) -> np.ndarray:
    """A coarser factor in which `inner` is nested."""
    fine = int(inner.max()) + 1
    parent = np.concatenate([np.arange(m), rng.integers(0, m, fine - m)])
    return parent[inner].astype(np.int32)


def make_model(
    seed: int,
    levels: tuple[int, ...],
    nested: tuple[bool, ...],
    widths: tuple[int, ...],
    p: int,
    weighted: bool = False,
    structure: str = "us",
) -> ModelArrays:
    """A model with one term for each width, cycling through the factors."""
    rng = np.random.default_rng(seed)
    # More rows than random effects, else the likelihood has no maximum.
    effects = sum(k * levels[i % len(levels)] for i, k in enumerate(widths))
    n = max(6 * max(levels), effects + 20)
    X = np.column_stack(
        [np.ones(n)] + [rng.normal(size=n) * 10 ** rng.uniform(-2, 2) + 3 for _ in range(p - 1)]
    )
    codes: list[np.ndarray] = []
    for i, m in enumerate(levels):
        inside = i > 0 and nested[i]
        codes.append(_nested_in(rng, codes[-1], m) if inside else _levels(rng, n, m))
    terms = tuple(
        TermColumns(
            i % len(levels),
            (
                None if i < len(levels) else rng.normal(size=n),
                *(rng.normal(size=n) * 3 + 1 for _ in range(k - 1)),
            ),
            structure,
        )
        for i, k in enumerate(widths)
    )
    y = rng.normal(size=n) + 3
    for term in terms:
        m = levels[term.factor]
        for column in term.columns:
            effect = rng.normal(size=m)[codes[term.factor]] * rng.uniform(0, 2)
            y += effect if column is None else effect * column
    weights = rng.uniform(0.5, 2.0, n) if weighted else None
    return ModelArrays(y, np.asfortranarray(X), 0, weights, tuple(codes), levels, terms)


@st.composite
def models(draw: st.DrawFn) -> ModelArrays:
    """Up to three factors in any nesting, up to four terms up to three columns wide."""
    sizes = draw(st.lists(st.integers(2, 14), min_size=1, max_size=3))
    levels = tuple(sorted(sizes, reverse=True))
    n_terms = draw(st.integers(len(levels), len(levels) + 1))
    return make_model(
        draw(st.integers(0, 2**32 - 1)),
        levels,
        tuple(draw(st.booleans()) for _ in levels),
        tuple(draw(st.integers(1, 3)) for _ in range(n_terms)),
        draw(st.integers(1, 4)),
        draw(st.booleans()),
        draw(st.sampled_from(["us", "diag"])),
    )
