"""Draw the pictures of docs/plots.md into docs/figures/plots: python docs/figures/plots.py."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from matplotlib.axes import Axes

import nestwise as nw


def pictures() -> dict[str, Callable[[], Axes]]:
    """File name to what draws it."""
    sleep, schools = nw.load_dataset("sleepstudy"), nw.load_dataset("schools")
    people = nw.lmer("Reaction ~ Days + (Days | Subject)", sleep)
    fixed = "math_gain ~ prior_math + ses + sex + intervention"
    nested = nw.lmer(f"{fixed} + (1 | school/classroom)", schools)
    empty = nw.lmer("math_gain ~ 1 + (1 | school/classroom)", schools)
    compared = nw.compare_approaches(fixed, schools, groups=["school", "classroom"])
    return {
        "histograms": lambda: nw.plot.histograms(schools, "math_gain", "school"),
        "spaghetti": lambda: nw.plot.spaghetti(sleep, "Days", "Reaction", "Subject"),
        "pooling": lambda: nw.plot.pooling(people, "Days"),
        "groups": lambda: nw.plot.groups(people, "Days"),
        "caterpillar": lambda: nw.plot.caterpillar(people),
        "effects": lambda: nw.plot.effects(nested, "prior_math", by="sex"),
        "checks": lambda: nw.plot.checks(people),
        "shares": lambda: nw.plot.variance_shares({"no predictor": empty, "full": nested}),
        "approaches": lambda: nw.plot.approaches(compared),
        "profile": lambda: nw.plot.profile(people),
    }


def draw(folder: Path) -> list[Path]:
    """Write all of them."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, picture in pictures().items():
        files.append(folder / f"{name}.png")
        picture().figure.savefig(files[-1], dpi=70, metadata={"Software": None})
    return files


if __name__ == "__main__":
    home = Path(__file__).parent / "plots"
    for file in draw(Path(sys.argv[1]) if len(sys.argv) > 1 else home):
        print(file)
