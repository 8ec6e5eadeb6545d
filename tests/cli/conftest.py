"""Files that the commands read."""

from __future__ import annotations

from pathlib import Path

import pytest

import nestwise as nw


@pytest.fixture
def sleepstudy(tmp_path: Path) -> Path:
    """sleepstudy as a CSV file."""
    path = tmp_path / "sleepstudy.csv"
    nw.load_dataset("sleepstudy").to_csv(path, index=False)
    return path


@pytest.fixture
def tutorial(tmp_path: Path) -> Path:
    """The tutorial's data as a CSV file."""
    path = tmp_path / "tutorial.csv"
    nw.load_dataset("hlm_tutorial").to_csv(path, index=False)
    return path
