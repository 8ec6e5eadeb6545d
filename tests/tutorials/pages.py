"""The pages of docs/tutorials: their Python blocks run, and what they print stands beneath.

A block that begins with ```python needs=FILE runs where ../shared/data has the file; elsewhere it
stays as it is.

python tests/tutorials/pages.py docs/tutorials/PAGE.md ... writes the printed output anew.
"""

from __future__ import annotations

import io
import re
import sys
from contextlib import chdir, redirect_stdout
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd

BLOCK = re.compile(
    r"^```python(?: needs=(\S+))?\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL
)
SHARED = Path(__file__).parents[3] / "shared" / "data"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?")


def executed(code: str, names: dict[str, Any], where: str) -> str:
    """What a block prints; `names` are those of the blocks before it."""
    out = io.StringIO()
    with redirect_stdout(out):
        exec(compile(code, where, "exec"), names)
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    return "\n".join(lines).strip("\n")


def rendered(page: Path, folder: Path) -> str:
    """The page with the output that its blocks print now; pictures are written to `folder`."""
    names: dict[str, Any] = {"__name__": "page"}

    def fill(block: re.Match[str]) -> str:
        needs = block[1]
        if needs and not (SHARED / needs).exists():
            return block[0]
        with chdir(SHARED if needs else folder):
            printed = executed(block[2], names, page.name)
        shown = f"\n```text\n{printed}\n```\n" if printed else ""
        return f"```python{f' needs={needs}' if needs else ''}\n{block[2]}```\n{shown}"

    with pd.option_context("display.width", 100, "display.max_columns", 20):  # put back afterwards
        return BLOCK.sub(fill, page.read_text(encoding="utf-8"))


def outputs(text: str) -> list[str]:
    """What stands beneath each Python block of a page."""
    return [block[3] or "" for block in BLOCK.finditer(text)]


def same(shown: str, printed: str) -> bool:
    """Whether two outputs agree: words exactly, numbers to one unit of their last digit."""
    if NUMBER.sub("#", shown).split() != NUMBER.sub("#", printed).split():
        return False
    pairs = zip(NUMBER.findall(shown), NUMBER.findall(printed), strict=True)
    return all(abs(float(a) - float(b)) <= 1.01 * unit(a) for a, b in pairs)


def unit(number: str) -> float:
    """One unit of the last digit of a printed number; an integer is exact."""
    digits, _, exponent = number.partition("e")
    scale = 10.0 ** int(exponent or 0)
    return scale * 10.0 ** -len(digits.partition(".")[2]) if "." in digits else 0.0


if __name__ == "__main__":
    mpl.use("Agg")
    for name in sys.argv[1:]:
        path = Path(name)
        path.write_text(rendered(path, path.parent), encoding="utf-8")
