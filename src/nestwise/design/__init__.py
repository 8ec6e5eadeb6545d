"""Floor 2: terms + table to arrays. The only floor that knows data frames."""

from nestwise.design.builder import build
from nestwise.design.check import check_grouping
from nestwise.design.encoder import Encoder, from_dict, to_dict
from nestwise.design.groups import level_labels
from nestwise.design.model import Design, FixedPart, GroupingFactor, RandomTerm
from nestwise.design.newdata import NewData, encode_new

__all__ = [
    "Design",
    "Encoder",
    "FixedPart",
    "GroupingFactor",
    "NewData",
    "RandomTerm",
    "build",
    "check_grouping",
    "encode_new",
    "from_dict",
    "level_labels",
    "to_dict",
]
