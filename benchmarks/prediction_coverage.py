"""Coverage of prediction intervals for known and unseen groups, with Monte-Carlo errors.

python benchmarks/prediction_coverage.py [--replicates 400] [--seed 1]
"""

from __future__ import annotations

import argparse

import numpy as np

import nestwise as nw

DESIGNS = {"6 groups x 5": (6, 5), "18 groups x 10": (18, 10), "50 groups x 4": (50, 4)}
FACTOR = np.array([[1.5, 0.0], [0.2, 0.6]])
"""Lower Cholesky factor of the covariance of intercepts and slopes; the residual sd is 1."""


def simulate(
    n_groups: int, size: int, replicates: int, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Share of covered targets in every replicate, by kind of target."""
    groups, x = np.repeat(np.arange(n_groups), size), np.tile(np.linspace(-1, 1, size), n_groups)
    new = {"x": np.full(n_groups + 1, 0.7), "g": np.arange(n_groups + 1)}
    covered: dict[str, list[float]] = {}
    model = None
    for _ in range(replicates):
        b = rng.normal(size=(n_groups + 1, 2)) @ FACTOR.T
        y = 2 + x + b[groups, 0] + b[groups, 1] * x + rng.normal(size=x.size)
        data = {"y": y, "x": x, "g": groups}
        model = nw.lmer("y ~ x + (x | g)", data) if model is None else model.refit(y)
        truth = 2 + 0.7 + b[:, 0] + 0.7 * b[:, 1]
        observed = truth + rng.normal(size=truth.size)
        for theta in (True, False):
            for kind, target in (("confidence", truth), ("prediction", observed)):
                for ddf in ("satterthwaite", "normal"):
                    t = model.predict(
                        new,
                        interval=kind,
                        allow_new_levels=True,
                        ddf=ddf,
                        theta_uncertainty=theta,
                    )
                    inside = ((t["lower"] <= target) & (target <= t["upper"])).to_numpy()
                    words = f"{kind:10s} {ddf:13s} theta {'counted' if theta else 'ignored'}"
                    covered.setdefault(f"known  {words}", []).append(inside[:-1].mean())
                    covered.setdefault(f"unseen {words}", []).append(float(inside[-1]))
    return {name: np.array(values) for name, values in covered.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    for name, (n_groups, size) in DESIGNS.items():
        print(f"\n{name}: y ~ x + (x | g), nominal 0.95, {options.replicates} replicates")
        for words, values in sorted(simulate(n_groups, size, options.replicates, rng).items()):
            error = values.std(ddof=1) / np.sqrt(values.size)
            print(f"  {words}: {values.mean():.3f} (+- {error:.3f})")


if __name__ == "__main__":
    main()
