"""Fits in files: what was asked and the columns it was asked of; no pickle, so no code is run.

A file is a zip of one JSON text and plain arrays. Loading takes the numbers as they were saved, to
the last bit, and evaluates the criterion there, so that a file cannot say something else than its
data. (A linear model is fitted again.)
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from nestwise._base.arrays import AnyArray
from nestwise._base.errors import DataError, FitError, OptionError
from nestwise._base.options import Control
from nestwise._base.output import as_path
from nestwise.api.archived import packed_fit, unpacked_fit
from nestwise.api.archived_columns import packed_columns, unpacked_column
from nestwise.api.calls import lm, mixed_design
from nestwise.api.generalized import GeneralizedMixedModel
from nestwise.api.glmer import generalized_design
from nestwise.api.linear import LinearModel
from nestwise.api.mixed import MixedModel
from nestwise.api.source import Source, as_control, check_own_response
from nestwise.api.structured import StructuredModel
from nestwise.core.families.family import Family
from nestwise.core.families.registry import FAMILIES, family_named, link_of
from nestwise.core.links.link import Link
from nestwise.core.links.registry import LINKS
from nestwise.design import build
from nestwise.fit.glmm_result import GlmmFit
from nestwise.fit.result import LmmFit
from nestwise.fit.structured_result import StructuredFit
from nestwise.formula.syntax import columns_of

VERSION = 2
"""Of the file format."""

Model: TypeAlias = MixedModel | GeneralizedMixedModel | LinearModel | StructuredModel
"""A fit that files can hold."""

KINDS: dict[type, str] = {
    MixedModel: "lmer",
    GeneralizedMixedModel: "glmer",
    LinearModel: "lm",
    StructuredModel: "structured",
}


def _setting(name: str, value: Any, arrays: dict[str, AnyArray]) -> Any:
    """A setting as JSON; arrays are stored beside."""
    if isinstance(value, Control):
        return asdict(value)
    if name in ("weights", "offset") and value is not None and not isinstance(value, str):
        arrays[f"setting {name}"] = np.asarray(value, dtype=np.float64)
        return {"array": f"setting {name}"}
    if name == "functions":
        return None
    if name == "family" and isinstance(value, Family):
        return family_name(value)
    return value


def family_name(family: Family) -> str:
    """The name of a family of the package; others hold code, which no file may.

    Raises
    ------
    OptionError
        When the family is the caller's own.

    Examples
    --------
    >>> family_name(FAMILIES["poisson"])
    'poisson'
    """
    if any(family.rows is known.rows for known in FAMILIES.values()):
        return family.name
    raise OptionError(
        f"the family {family.name!r} is your own: files hold no code, so that this fit cannot be "
        "saved"
    )


def _settings(model: Model, arrays: dict[str, AnyArray]) -> dict[str, Any]:
    """The settings as JSON, the link by the name of the one that was used."""
    found = {k: _setting(k, v, arrays) for k, v in model.source.settings.items()}
    if isinstance(model, GeneralizedMixedModel):
        link: Link = model.fit.link
        if LINKS.get(link.name) is not link:
            raise OptionError(
                f"the link {link.name!r} is your own: files hold no code, so that this fit cannot "
                "be saved"
            )
        found["link"] = link.name
    return found


def _columns(model: Model) -> tuple[str, ...]:
    """Columns of the caller's table that the model used."""
    named = [model.source.settings.get(k) for k in ("weights", "offset")]
    extra = [c for c in named if isinstance(c, str)]
    used = model.fit.design.formula.columns
    part = model.fit.design.residual
    own = () if part is None else columns_of(*(node for _, node in part.request.variables))
    return tuple(dict.fromkeys((*used, *own, *extra)))


def save(model: Model, path: str | Path) -> None:
    """Write a fit and the columns it was fitted to into one file.

    Parameters
    ----------
    model : MixedModel, GeneralizedMixedModel, StructuredModel or LinearModel
        A fit.
    path : str or Path
        File to write; an existing one is replaced.

    Raises
    ------
    OptionError
        When the file cannot be written.
    """
    path = as_path(path)
    check_own_response(model.source, "save")
    arrays: dict[str, AnyArray] = {}
    about = {
        "nestwise": VERSION,
        "kind": KINDS[type(model)],
        "formula": model.source.formula,
        "columns": packed_columns(model.source.data, _columns(model), arrays),
        "settings": _settings(model, arrays),
        "fit": packed_fit(model.fit, arrays),
        "criterion": -2.0 * model.loglik if isinstance(model, LinearModel) else model.criterion,
        "functions": sorted(model.source.settings.get("functions") or ()),
    }
    packed = io.BytesIO()
    np.savez_compressed(packed, **arrays)  # type: ignore[arg-type]
    try:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("model.json", json.dumps(about))
            archive.writestr("columns.npz", packed.getvalue())
    except OSError as problem:
        raise OptionError(f"'{path}' cannot be written: {problem.strerror}") from problem


def _read(path: str | Path) -> tuple[dict[str, Any], dict[str, AnyArray]]:
    path = as_path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            about: dict[str, Any] = json.loads(archive.read("model.json"))
            with np.load(io.BytesIO(archive.read("columns.npz")), allow_pickle=False) as packed:
                arrays = {name: packed[name] for name in packed.files}
    except OSError as problem:
        raise DataError(f"'{path}' cannot be read: {problem.strerror}") from problem
    except (zipfile.BadZipFile, KeyError, ValueError) as problem:
        raise DataError(f"'{path}' is not a file that save() wrote: {problem}") from problem
    if about.get("nestwise") != VERSION:
        raise DataError(
            f"'{path}' has format {about.get('nestwise')!r}; this version reads format {VERSION}"
        )
    return about, arrays


def load(path: str | Path, *, functions: Mapping[str, Callable[..., Any]] | None = None) -> Model:
    """Read a fit that `save` wrote.

    Parameters
    ----------
    path : str or Path
        The file.
    functions : mapping of str to callable, optional
        The caller's own functions that the formula calls; files hold no code.

    Returns
    -------
    MixedModel, GeneralizedMixedModel, StructuredModel or LinearModel
        The same fit; its tables are pandas frames.

    Raises
    ------
    DataError
        When the file is missing or was not written by `save`, or a function is not passed.
    FitError
        When its data do not give its criterion again.

    Examples
    --------
    >>> import nestwise as nw, tempfile, pathlib
    >>> m = nw.lmer("Reaction ~ Days + (Days | Subject)", nw.load_dataset("sleepstudy"))
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "sleep.nestwise"
    >>> m.save(file)
    >>> round(nw.load(file).criterion, 3)
    1743.628
    """
    about, arrays = _read(path)
    lacking = [name for name in about["functions"] if name not in (functions or {})]
    if lacking:
        raise DataError(f"the formula calls {', '.join(lacking)}; pass functions={{...}} to load")
    data = pd.DataFrame({n: unpacked_column(arrays[n], s) for n, s in about["columns"].items()})
    settings: dict[str, Any] = {
        k: arrays[v["array"]] if isinstance(v, dict) and "array" in v else v
        for k, v in about["settings"].items()
    }
    settings["functions"] = functions
    if about["kind"] == "lm":
        return _checked(lm(about["formula"], data, **settings), about, path)
    again = partial(unpacked_fit, specs=about["fit"], arrays=arrays, path=path)
    return _checked(MAKERS[about["kind"]](about["formula"], data, settings, again), about, path)


def _building(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that a design is made from."""
    names = ("weights", "offset", "contrasts", "na_action", "functions")
    return {name: settings[name] for name in names}


def _control(settings: Mapping[str, Any]) -> Control:
    return as_control(settings["control"]) or Control()


def _mixed(
    formula: str, data: pd.DataFrame, settings: dict[str, Any], again: Callable[..., Any]
) -> MixedModel:
    design = mixed_design(formula, data, **_building(settings))
    fit = again(LmmFit, asked={"design": design, "control": _control(settings)})
    return MixedModel(fit, Source(data, formula, settings))


def _generalised(
    formula: str, data: pd.DataFrame, settings: dict[str, Any], again: Callable[..., Any]
) -> GeneralizedMixedModel:
    family = family_named(settings["family"])
    design = generalized_design(formula, data, family, **_building(settings))
    asked = {"design": design, "control": _control(settings), "family": family}
    fit = again(GlmmFit, asked={**asked, "link": link_of(family, settings["link"])})
    return GeneralizedMixedModel(fit, Source(data, formula, settings))


def _structured(
    formula: str, data: pd.DataFrame, settings: dict[str, Any], again: Callable[..., Any]
) -> StructuredModel:
    shape = {name: settings[name] for name in ("residual", "variance")}
    design = build(formula, data, **_building(settings), **shape)
    fit = again(StructuredFit, asked={"design": design, "control": _control(settings)})
    return StructuredModel(fit, Source(data, formula, settings))


MAKERS: dict[str, Callable[..., Model]] = {
    "lmer": _mixed,
    "glmer": _generalised,
    "structured": _structured,
}


def _checked(model: Model, about: Mapping[str, Any], path: str | Path) -> Model:
    """The model, when it says what the file says."""
    found = -2.0 * model.loglik if isinstance(model, LinearModel) else model.criterion
    saved = float(about["criterion"])
    if not abs(found - saved) <= 1e-6 * (1.0 + abs(saved)):
        raise FitError(
            f"'{path}' says that the criterion is {saved:.6f}, but its data give {found:.6f}; the "
            "file was changed or damaged: fit the model again"
        )
    return model
