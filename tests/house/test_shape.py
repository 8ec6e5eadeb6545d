"""Files and functions stay short; classes are frozen dataclasses, protocols, final or errors."""

from __future__ import annotations

import ast

from house.source_tree import cpp_functions, place, python_functions, sources

FILE_LINES = 500
CODE_LINES = 60
ALL_LINES = 90


def test_files_are_short() -> None:
    files = sources(".py", ".cpp", ".hpp", ".h")
    assert len(files) > 20
    lengths = {place(p): len(p.read_text(encoding="utf-8").splitlines()) for p in files}
    assert {p: n for p, n in lengths.items() if n > FILE_LINES} == {}


def test_python_functions_are_short() -> None:
    long = [
        f"{place(p, f.lineno)} {f.name}: {code} lines of code"
        for p in sources(".py")
        for f, code in python_functions(p)
        if code > CODE_LINES or (f.end_lineno or 0) - f.lineno + 1 > ALL_LINES
    ]
    assert long == []


def test_cpp_functions_are_short() -> None:
    found = [(p, *f) for p in sources(".cpp", ".hpp", ".h") for f in cpp_functions(p)]
    assert len(found) > 5
    assert [f"{place(p, line)}: {n} lines" for p, line, n in found if n > CODE_LINES] == []


def _is_plain(node: ast.ClassDef) -> bool:
    bases = {ast.unparse(b).split("[")[0].split(".")[-1] for b in node.bases}
    decorators = [ast.unparse(d) for d in node.decorator_list]
    frozen = any("dataclass" in d and "frozen=True" in d and "slots=True" in d for d in decorators)
    final = any(d.split(".")[-1] == "final" for d in decorators)
    known = {"Protocol", "NamedTuple", "TypedDict", "Enum", "StrEnum"}
    return frozen or final or bool(bases & known) or any(b.endswith("Error") for b in bases)


def test_classes_are_frozen_or_final() -> None:
    loose = [
        f"{place(p, node.lineno)} {node.name}"
        for p in sources(".py")
        for node in ast.walk(ast.parse(p.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
        and not _is_plain(node)
        and ast.unparse(node.bases[0] if node.bases else ast.Constant("")) != "ValueError"
    ]
    assert loose == []
