"""What the shared questions need of a fitted model: its frozen numbers and where it came from."""

from __future__ import annotations

from typing import Protocol

from nestwise.api.source import Source
from nestwise.fit.result import LmmFit
from nestwise.inference.kinds import EquationsFit, Fit, MixedFit, PlainFit


class Fitted(Protocol):
    """A fitted model of any kind."""

    @property
    def fit(self) -> Fit:
        """The frozen numbers."""
        ...

    @property
    def source(self) -> Source:
        """The caller's table and settings."""
        ...


class FittedPlain(Protocol):
    """A fitted model of normal responses with independent residuals."""

    @property
    def fit(self) -> PlainFit:
        """The frozen numbers."""
        ...

    @property
    def source(self) -> Source:
        """The caller's table and settings."""
        ...


class FittedRandom(Protocol):
    """A fitted model with random effects, whatever the distribution."""

    @property
    def fit(self) -> MixedFit:
        """The frozen numbers."""
        ...

    @property
    def source(self) -> Source:
        """The caller's table and settings."""
        ...


class FittedEquations(Protocol):
    """A fitted model whose random effects solve mixed-model equations."""

    @property
    def fit(self) -> EquationsFit:
        """The frozen numbers."""
        ...

    @property
    def source(self) -> Source:
        """The caller's table and settings."""
        ...


class FittedMixed(Protocol):
    """A fitted linear mixed model."""

    @property
    def fit(self) -> LmmFit:
        """The frozen numbers."""
        ...

    @property
    def source(self) -> Source:
        """The caller's table and settings."""
        ...
