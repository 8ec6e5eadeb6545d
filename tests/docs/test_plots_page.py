"""The page on pictures and the command line says what is there."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import nestwise as nw
from nestwise.cli.main import _parser
from nestwise.present.plots.accessor import Plots

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "plots.md").read_text(encoding="utf-8")


def test_every_picture_of_the_page_is_there_and_drawn_by_the_script() -> None:
    shown = re.findall(r"!\[([^\]]+)\]\(figures/plots/(\w+)\.png\)", PAGE)
    assert all(len(words) > 15 for words, _ in shown)
    names = [name for _, name in shown]
    assert all((DOCS / "figures" / "plots" / f"{name}.png").stat().st_size > 3000 for name in names)
    spec = importlib.util.spec_from_file_location("plots_page", DOCS / "figures" / "plots.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    pictures = script.pictures()
    assert list(pictures) == names
    assert pictures["spaghetti"]().get_title(loc="left") == "Reaction along Days, by Subject"


def test_every_plot_on_the_page_exists() -> None:
    table = PAGE[PAGE.index("| question |") : PAGE.index("All of the left column")]
    rows = [line.split("|") for line in table.splitlines()[2:] if line.startswith("|")]
    own = [name for row in rows for name in re.findall(r"`(\w+)\(", row[2])]
    public = [name for row in rows for name in re.findall(r"`(\w+)\(", row[3])]
    assert len(own) > 10
    assert [name for name in own if getattr(Plots, name, None) is None] == []
    assert [name for name in (*own, *public) if name not in nw.plot.__all__] == []


def test_every_command_on_the_page_is_understood() -> None:
    block = PAGE[PAGE.index("nestwise demo  ") :].partition("```")[0]
    lines = [line.partition("#")[0] for line in block.splitlines() if line.startswith("nestwise")]
    assert len(lines) == 6
    import shlex

    for line in lines:
        assert _parser().parse_args(shlex.split(line)[1:]).command in line
