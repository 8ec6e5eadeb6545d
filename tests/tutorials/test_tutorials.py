"""Every tutorial runs, and prints what stands in it."""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from tutorials.pages import outputs, rendered, same

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted((DOCS / "tutorials").glob("*.md"))


@pytest.mark.parametrize("page", [*PAGES, DOCS.parent / "README.md"], ids=lambda p: p.stem)
def test_blocks_print_what_the_page_shows(page: Path, tmp_path: Path) -> None:
    text = page.read_text(encoding="utf-8")
    (tmp_path / "figures").mkdir()
    shown, printed = outputs(text), outputs(rendered(page, tmp_path))
    plt.close("all")
    pictures = re.findall(r"!\[[^]]+\]\((figures/[^)]+)\)", text)
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.png")) == sorted(pictures)
    assert len(shown) == len(printed) > 0
    for i, (a, b) in enumerate(zip(shown, printed, strict=True), 1):
        assert same(a, b), f"block {i} of {page.name} prints\n{b}\nand the page shows\n{a}"


def test_every_page_is_in_the_index_and_every_link_leads_somewhere() -> None:
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    assert [p.name for p in PAGES if f"tutorials/{p.name}" not in index] == []
    for page in (DOCS / "index.md", DOCS.parent / "README.md", *PAGES):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
