"""Imports run only downward: the contracts of pyproject.toml hold."""

from __future__ import annotations

import subprocess
import sys

from house.source_tree import ROOT


def test_import_contracts_hold() -> None:
    # Without its cache, which remembers imports of modules that were not there yet.
    linter = "from importlinter.cli import lint_imports_command as run; run(['--no-cache'])"
    command = [sys.executable, "-c", linter]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "0 broken" in run.stdout
