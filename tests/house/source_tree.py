"""The source files of the package and their functions, for the tests of the house rules."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src" / "nestwise"


def sources(*suffixes: str) -> list[Path]:
    """All source files with one of the suffixes, sorted."""
    return sorted(p for p in SRC.rglob("*") if p.suffix in suffixes)


def place(path: Path, line: int = 1) -> str:
    """`src/nestwise/x.py:12`, as editors understand it."""
    return f"{path.relative_to(ROOT)}:{line}"


def python_functions(path: Path) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, int]]:
    """Each function with its number of code lines: no blank lines, comments, docstring."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        assert node.end_lineno is not None
        body = set(range(node.lineno, node.end_lineno + 1))
        if ast.get_docstring(node, clean=False) is not None:
            first = node.body[0]
            assert first.end_lineno is not None
            body -= set(range(first.lineno, first.end_lineno + 1))
        code = [
            i for i in body if lines[i - 1].strip() and not lines[i - 1].lstrip().startswith("#")
        ]
        yield node, len(code)


def without_comments_and_strings(text: str) -> str:
    """C++ with comments and literals blanked out, line breaks kept."""
    pattern = r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
    return re.sub(pattern, lambda m: re.sub(r"[^\n]", " ", m.group()), text, flags=re.DOTALL)


def cpp_functions(path: Path) -> Iterator[tuple[int, int]]:
    """(first line, code lines) of each brace block that is not a namespace, class or enum."""
    text = without_comments_and_strings(path.read_text(encoding="utf-8"))
    scope = re.compile(r"\b(namespace|struct|class|union|enum|extern)\b[^;(){}]*$")
    depth_of_function, depth, start, head = -1, 0, 0, 0
    for i, sign in enumerate(text):
        if sign == "{":
            if depth_of_function < 0 and not scope.search(text[head:i]):
                depth_of_function, start = depth, i
            depth += 1
        elif sign == "}":
            depth -= 1
            if depth == depth_of_function:
                depth_of_function = -1
                block = text[start:i].splitlines()
                yield text.count("\n", 0, start) + 1, sum(bool(b.strip()) for b in block)
        if sign in "{};":
            head = i + 1
