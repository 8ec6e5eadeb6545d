"""Floor 1: text to terms. No numpy, no data."""

from nestwise.formula.model import Bar, Formula, Linear, Term
from nestwise.formula.parser import parse

__all__ = ["Bar", "Formula", "Linear", "Term", "parse"]
