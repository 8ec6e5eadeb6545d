"""The examples in the chapters of the documentation run and print what they say."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def examples(chapter: Path) -> str:
    """All Python sessions of a chapter, in order."""
    return "\n".join(BLOCK.findall(chapter.read_text(encoding="utf-8")))


CHAPTERS = sorted(p.name for p in DOCS.glob("*.md") if ">>> " in examples(p))


def test_there_are_chapters() -> None:
    assert "repeated-measures.md" in CHAPTERS


@pytest.mark.parametrize("name", CHAPTERS)
def test_chapter(name: str) -> None:
    text = examples(DOCS / name)
    test = doctest.DocTestParser().get_doctest(text, {}, name, str(DOCS / name), 0)
    told: list[str] = []
    result = doctest.DocTestRunner(optionflags=OPTIONS).run(test, out=told.append)
    assert result.attempted > 5
    assert result.failed == 0, "".join(told)
