"""One case with another Python package: python peers.py ENGINE CASE REPS -> JSON lines.

Each package gets the data as it likes them best, made before the clock starts: pandas categories,
polars, or plain arrays. What a package cannot do is a line with "error". Runs in an environment
without nestwise (see peers-requirements.txt); data come from the files of make_data.py.
"""

from __future__ import annotations

import gc
import json
import re
import resource
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from cases import CASES, Case, load_exported


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a fit says: criterion, evaluations where told, and what must be known to compare."""

    criterion: float
    evaluations: int | None = None
    note: str = ""


class CannotError(Exception):
    """The package has no such model."""


Ready = Callable[[], Any]
Read = Callable[[Any], Outcome]


@dataclass(frozen=True, slots=True)
class Term:
    """A random-effects term: names of slopes, and the column that holds its groups."""

    slopes: tuple[str, ...]
    group: str


def _terms(case: Case) -> list[Term]:
    found = []
    for left, group in re.findall(r"\(([^|()]+)\|([^|()]+)\)", case.formula):
        slopes = tuple(s.strip() for s in left.split("+") if s.strip() not in ("1", ""))
        found.append(Term(slopes, group.strip()))
    return found


def _fixed(case: Case) -> str:
    return re.sub(r"\+\s*\([^)]*\|[^)]*\)", "", case.formula).split("~")[1].strip()


def _with_interactions(case: Case, data: pd.DataFrame) -> pd.DataFrame:
    """A column of its own for each group that is written a:b."""
    for term in _terms(case):
        if ":" in term.group:
            parts = [data[p].astype(str) for p in term.group.split(":")]
            joined = parts[0].str.cat(parts[1:], sep=":")
            data = data.assign(**{term.group: pd.Categorical(joined)})
    return data


def mixedlm(case: Case, data: pd.DataFrame) -> tuple[Ready, Read]:
    """mixedlm: formulas and arguments of lme4."""
    import mixedlm as package

    def read(m: Any) -> Outcome:
        value = m.REMLcrit() if case.reml else -2.0 * float(m.logLik().value)
        evaluations = getattr(m, "function_evals", None)
        return Outcome(float(value), evaluations)

    if case.family != "gaussian":
        family = getattr(package.families, case.family.capitalize())()
        weights = case.trials or None
        return (
            lambda: package.glmer(
                case.formula, data, family=family, nAGQ=case.n_agq, weights=weights
            ),
            read,
        )
    return lambda: package.lmer(case.formula, data, REML=case.reml), read


def glmm(case: Case, data: pd.DataFrame) -> tuple[Ready, Read]:
    """glmm: its Satterthwaite pass is switched off, as a fit is timed."""
    import glmm as package

    def read(m: Any) -> Outcome:
        return Outcome(-2.0 * float(m.loglik), getattr(m, "n_eval", None))

    if case.family != "gaussian":
        weights = data[case.trials].to_numpy(dtype=float) if case.trials else None
        return (
            lambda: package.fit(data, case.formula, case.family, weights=weights, nagq=case.n_agq),
            read,
        )
    return (
        lambda: package.fit(data, case.formula, reml=case.reml, satterthwaite=False),
        read,
    )


def lme_python(case: Case, data: pd.DataFrame) -> tuple[Ready, Read]:
    """lme-python: takes polars."""
    import lme_python as package
    import polars

    frame = polars.from_pandas(data)

    note = "log-likelihood on a scale of its own" if case.trials else ""

    def read(m: Any) -> Outcome:
        value = m.reml_criterion if case.reml else -2.0 * m.log_likelihood
        return Outcome(float(value), m.iterations, note)

    if case.trials:
        weights = data[case.trials].to_numpy(dtype=float)
        return (
            lambda: package.glmer_weighted(
                case.formula, frame, case.family, case.n_agq, weights=weights
            ),
            read,
        )
    if case.family != "gaussian":
        return lambda: package.glmer(case.formula, frame, case.family, n_agq=case.n_agq), read
    return lambda: package.lmer(case.formula, data=frame, reml=case.reml), read


def gpboost(case: Case, data: pd.DataFrame) -> tuple[Ready, Read]:
    """GPBoost: maximum likelihood only, independent slopes only, arrays instead of a formula."""
    import gpboost as package

    data, terms = _with_interactions(case, data), _terms(case)
    if any(t.slopes for t in terms):
        raise CannotError("no correlated random slopes")
    if case.n_agq > 1:
        raise CannotError("no adaptive quadrature")
    fixed = [c for c in _fixed(case).split(" + ") if c != "1"]
    X = np.column_stack([np.ones(len(data)), *(c for f in fixed for c in _crossed(data, f))])
    groups = np.column_stack([data[t.group].astype(str) for t in terms])
    y = data[(case.plain or case.formula).split("~")[0].strip()].to_numpy(dtype=float)
    weights = data[case.trials].to_numpy(dtype=float) if case.trials else None
    binomial = "binomial_logit" if case.trials else "bernoulli_logit"
    likelihood = {"binomial": binomial}.get(case.family, case.family)

    def fit() -> Any:
        model = package.GPModel(group_data=groups, likelihood=likelihood, weights=weights)
        model.fit(y=y, X=X)
        return model

    def read(m: Any) -> Outcome:
        note = "maximum likelihood, not REML" if case.reml else ""
        if case.family != "gaussian" and len(terms) > 1:
            note = "log-determinant by random probes, its default for several factors"
        return Outcome(2.0 * float(m.get_current_neg_log_likelihood()), None, note)

    return fit, read


def _crossed(data: pd.DataFrame, term: str) -> list[np.ndarray]:
    """Columns of a variable, or of two and their products for ``a * b``."""
    parts = [_columns(data[v]) for v in term.split(" * ")]
    products = [a * b for a in parts[0] for b in parts[1]] if len(parts) == 2 else []
    return [*(c for part in parts for c in part), *products]


def _columns(values: pd.Series) -> list[np.ndarray]:
    """Numbers as they are, categories as dummies without the first."""
    numbers = pd.to_numeric(values.astype(str), errors="coerce")
    if numbers.notna().all() and numbers.nunique() > 4:
        return [numbers.to_numpy(dtype=float)]
    return list(pd.get_dummies(values, drop_first=True, dtype=float).to_numpy().T)


def statsmodels(case: Case, data: pd.DataFrame) -> tuple[Ready, Read]:
    """statsmodels: one grouping factor; crossed ones as components of a single dense group."""
    import statsmodels.formula.api as package

    if case.family != "gaussian":
        raise CannotError("no maximum likelihood for generalised mixed models")
    terms, formula = _terms(case), f"{case.formula.split('~')[0].strip()} ~ {_fixed(case)}"
    if len(terms) > 1 and len(data) > 5000:
        raise CannotError(f"crossed factors need a dense matrix of {len(data):,} x {len(data):,}")

    def fit() -> Any:
        if len(terms) == 1:
            slopes = " + ".join(("1", *terms[0].slopes))
            model = package.mixedlm(
                formula, data, groups=data[terms[0].group], re_formula=f"~ {slopes}"
            )
        elif any(t.slopes for t in terms):
            raise CannotError("no correlated slopes by crossed factors")
        else:
            parts = {t.group: f"0 + C({t.group})" for t in terms}
            model = package.mixedlm(formula, data, groups=np.ones(len(data)), vc_formula=parts)
        return model.fit(reml=case.reml)

    return fit, lambda m: Outcome(-2.0 * float(m.llf))


ENGINES: dict[str, Callable[[Case, pd.DataFrame], tuple[Ready, Read]]] = {
    "mixedlm": mixedlm,
    "glmm": glmm,
    "lme-python": lme_python,
    "gpboost": gpboost,
    "statsmodels": statsmodels,
}


def resident() -> float:
    """Resident memory now, MiB."""
    with open("/proc/self/status") as status:
        line = next(x for x in status if x.startswith("VmRSS"))
    return float(line.split()[1]) / 1024


def prepared(engine: str, case: Case, data: pd.DataFrame) -> tuple[Ready, Read, str]:
    """How to fit and read; where the formula is refused, the one without short cuts."""
    fit, read = ENGINES[engine](case, data)
    if not case.plain:
        return fit, read, ""
    try:
        fit()
    except CannotError:
        raise
    except Exception as error:
        told = f"refuses the formula as written ({type(error).__name__}: {str(error)[:80]})"
        fit, read = ENGINES[engine](replace(case, formula=case.plain), data)
        return fit, read, told
    return fit, read, ""


def line(
    engine: str, name: str, fit: Ready, read: Read, base: float, collect: bool
) -> dict[str, Any]:
    """One fit, timed."""
    if collect:
        gc.collect()
    begin = time.perf_counter()
    fitted = fit()
    seconds = time.perf_counter() - begin
    outcome = read(fitted)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "case": name,
        "engine": engine,
        "seconds": seconds,
        "criterion": outcome.criterion,
        "evaluations": outcome.evaluations,
        "note": outcome.note,
        "memory": max(peak - base, 0.0),
    }


def main() -> None:
    """Fit REPS times; the first fit is left out where there are several."""
    engine, name, reps = sys.argv[1], sys.argv[2], int(sys.argv[3])
    case = CASES[name]
    warnings.simplefilter("ignore")
    try:
        if case.what != "fit":
            raise CannotError("not compared")
        data = load_exported(case)
        fit, read, told = prepared(engine, case, data)
        base, seconds = resident(), 1.0
        for i in range(reps + (reps > 1)):
            # Before a short fit garbage is not collected: that would empty the caches.
            found = line(engine, name, fit, read, base, seconds > 0.05)
            seconds = found["seconds"]
            if told:
                found["note"] = "; ".join(x for x in (found["note"], told) if x)
            if i or reps == 1:
                print(json.dumps(found), flush=True)
    except BaseException as error:  # a panic of Rust is not an Exception
        what = str(error) if isinstance(error, CannotError) else f"{type(error).__name__}: {error}"
        print(json.dumps({"case": name, "engine": engine, "error": what[:300]}), flush=True)


if __name__ == "__main__":
    main()
