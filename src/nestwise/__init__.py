"""Hierarchical (mixed-effects) models: fast, exact, and told in words.

>>> import nestwise as nw
>>> model = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
>>> model.params.round(3).to_dict()
{'(Intercept)': 251.405, 'Days': 10.467}
"""

from __future__ import annotations

from nestwise._base.diagnostic import Diagnostic
from nestwise._base.errors import (
    DataError,
    FitError,
    FormulaError,
    MissingExtraError,
    NestwiseError,
    OptionError,
)
from nestwise._base.options import Control
from nestwise.api import families, plot
from nestwise.api.approaches import Approaches, compare_approaches
from nestwise.api.archive import load
from nestwise.api.calls import deviance_function, lm, lmer
from nestwise.api.compare import anova
from nestwise.api.generalized import GeneralizedMixedModel
from nestwise.api.glmer import glmer
from nestwise.api.gls import gls
from nestwise.api.levels import Levels, describe_levels
from nestwise.api.linear import LinearModel
from nestwise.api.lm_list import RegressionList, lm_list
from nestwise.api.mixed import MixedModel
from nestwise.api.pb import pb_compare
from nestwise.api.power import PowerResult, power
from nestwise.api.repeated import PairedComparison, RepeatedAnova, paired, rm_anova
from nestwise.api.structured import StructuredModel
from nestwise.api.structures import compare_structures
from nestwise.workflow.center import center
from nestwise.workflow.datasets import list_datasets, load_dataset
from nestwise.workflow.describe import describe
from nestwise.workflow.files import read_table
from nestwise.workflow.schools import simulate_schools
from nestwise.workflow.simulate_from import simulate_from

__version__ = "0.1.0"

__all__ = [
    "Approaches",
    "Control",
    "DataError",
    "Diagnostic",
    "FitError",
    "FormulaError",
    "GeneralizedMixedModel",
    "Levels",
    "LinearModel",
    "MissingExtraError",
    "MixedModel",
    "NestwiseError",
    "OptionError",
    "PairedComparison",
    "PowerResult",
    "RegressionList",
    "RepeatedAnova",
    "StructuredModel",
    "anova",
    "center",
    "compare_approaches",
    "compare_structures",
    "describe",
    "describe_levels",
    "deviance_function",
    "families",
    "glmer",
    "gls",
    "list_datasets",
    "lm",
    "lm_list",
    "lmer",
    "load",
    "load_dataset",
    "paired",
    "pb_compare",
    "plot",
    "power",
    "read_table",
    "rm_anova",
    "simulate_from",
    "simulate_schools",
]
