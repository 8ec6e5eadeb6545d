"""Options of the wrong kind, each with an error that names it, through public calls."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nestwise as nw


def _data(**columns: Any) -> pd.DataFrame:
    i = np.arange(24)
    base = {"y": np.sin(i) + i % 6, "x": np.cos(3.0 * i), "g": [f"g{k}" for k in i % 6]}
    base |= {"s": np.where(i % 2, "a", "b"), "t": i // 6, "b": (np.sin(i) > 0.0).astype(int)}
    return pd.DataFrame({**base, **columns})


def _mixed() -> Any:
    return nw.lmer("y ~ x + s + (1 | g)", _data())


def _binary(**columns: Any) -> Any:
    return nw.glmer("b ~ x + s + (1 | g)", _data(**columns))


CASES: dict[str, tuple[Callable[[], Any], str]] = {
    "functions": (lambda: nw.lm("y ~ x", _data(), functions=3), "functions=3"),  # type: ignore[arg-type]
    "no function": (lambda: nw.lm("y ~ x", _data(), functions={"f": 3}), "'f' is 3"),  # type: ignore[dict-item]
    "response in a bar": (lambda: nw.lmer("y ~ x + (y | g)", _data()), "right side"),
    "response as group": (lambda: nw.lmer("y ~ x + (1 | y)", _data()), "right side"),
    "constant share": (
        lambda: nw.glmer("cbind(b + 1, b + 1) ~ x + (1 | g)", _data()),
        "one half in every row",
    ),
    "params": (lambda: _mixed().confint(params=3), "params.*3"),
    "no params": (lambda: _mixed().confint(params=[]), "asks for nothing"),
    "specs": (lambda: _mixed().emmeans(3), "specs.*3"),
    "variables": (lambda: _binary().marginal_effects(3), "variables.*3"),
    "se": (lambda: _mixed().predict(se="yes"), "se='yes'"),
    "new levels": (lambda: _mixed().predict(allow_new_levels="no"), "allow_new_levels='no'"),
    "conf_int": (lambda: _mixed().tidy(conf_int="no"), "conf_int='no'"),
    "exponentiate": (lambda: _mixed().tidy(exponentiate="no"), "exponentiate='no'"),
    "joint": (lambda: _mixed().contrast([0, 1, 0], joint="no"), "joint='no'"),
    "cond_var": (lambda: _mixed().ranef(cond_var="no"), "cond_var='no'"),
    "conditional": (lambda: _mixed().simulate(conditional="no"), "conditional='no'"),
    "resume": (lambda: _mixed().bootstrap(2, resume=3), "resume=3"),
    "constant": (lambda: _mixed().refit(np.ones(24)), "constant"),
    "path": (lambda: _mixed().save(3), "path=3"),
    "report": (lambda: _mixed().report(None), "path=None"),
    "load": (lambda: nw.load(3), "path=3"),  # type: ignore[arg-type]
    "table": (lambda: nw.read_table(3), "path=3"),  # type: ignore[arg-type]
    "re_form": (lambda: nw.gls("y ~ x", _data()).predict(re_form="(1 | q)"), "'q'"),
    "visits": (
        lambda: nw.gls("y ~ x", _data(), residual="us(x | g)"),
        "299 parameters .24 visits.*24 rows",
    ),
    "columns": (lambda: nw.describe(_data(), 3), "columns.*3"),  # type: ignore[arg-type]
    "no columns": (lambda: nw.describe(_data(), []), "no column"),
    "theta": (
        lambda: nw.deviance_function("y ~ x + (1 | g)", _data()).value("a"),  # type: ignore[arg-type]
        "theta='a'",
    ),
    "n_groups": (lambda: nw.power(_mixed(), term="x", n_groups=2.5), "n_groups=2.5"),  # type: ignore[arg-type]
    "effect": (lambda: nw.simulate_schools(ses=np.nan), "nan is no finite"),
    "effect text": (lambda: nw.simulate_schools(prior_math="a"), "'a' is no finite"),  # type: ignore[arg-type]
    "first": (lambda: nw.paired(data=_data(), first="x", second="x"), "'x'"),
}


@pytest.mark.parametrize("name", CASES)
def test_message(name: str) -> None:
    call, message = CASES[name]
    with pytest.raises(nw.NestwiseError, match=message) as caught:
        call()
    assert caught.value.__cause__ is None


def test_separated_fit_prints(tmp_path: Path) -> None:
    separated = _binary(b=(_data()["x"] > 0.0).astype(int))
    assert "separation" in str(separated.summary())
    assert np.isfinite(separated.residuals("pearson")).all()
