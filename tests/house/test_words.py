"""Nothing unfinished in the sources, and no attribute set or probed behind the type checker."""

from __future__ import annotations

import ast
import re

from house.source_tree import ROOT, place, sources

UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|NotImplementedError|not implemented yet")


def test_nothing_is_left_unfinished() -> None:
    left = [
        f"{place(p, i)}: {line.strip()}"
        for p in sources(".py", ".pyi", ".cpp", ".hpp", ".h")
        for i, line in enumerate(p.read_text(encoding="utf-8").splitlines(), 1)
        if UNFINISHED.search(line)
    ]
    assert left == []


def test_no_hasattr_or_setattr() -> None:
    calls = [
        place(p, node.lineno)
        for p in sources(".py")
        for node in ast.walk(ast.parse(p.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"hasattr", "setattr", "delattr"}
    ]
    assert calls == []


def test_no_forbidden_data_in_the_repository() -> None:
    names = {"classroom", "autism", "rat_brain", "ratpup", "veneer"}
    kinds = {".csv", ".gz", ".parquet", ".feather", ".dta", ".sav", ".xlsx", ".rda", ".rds"}
    folders = ("src", "tests", "docs", "benchmarks")
    found = [
        place(p)
        for folder in folders
        for p in (ROOT / folder).rglob("*")
        if p.suffix in kinds and p.name.split(".")[0] in names
    ]
    assert found == []


def test_typed_marker_is_there() -> None:
    assert (ROOT / "src" / "nestwise" / "py.typed").is_file()
