"""Fits through pickle and copy: the same answers to the last bit, or an error in words."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

import nestwise as nw
from nestwise.core.families.family import Family
from nestwise.core.links.link import Link

SLEEP = nw.load_dataset("sleepstudy")
CBPP = nw.load_dataset("cbpp")
SHARES = "incidence / size ~ period + (1 | herd)"
LOGIT = nw.families.links["logit"]
BINOMIAL = nw.families.binomial()


def twice_mu(mu: Any, phi: float | None) -> Any:
    """A variance that pickle finds by its name."""
    return 2.0 * mu * (1.0 - mu)


def binomial_rows(y: Any, eta: Any, weights: Any, phi: float | None, link: Link) -> Any:
    """The binomial density under another name, so that it is not compiled."""
    return BINOMIAL.rows(y, eta, weights, phi, link)


def logit_again(mu: Any) -> Any:
    """The logit under another name."""
    return LOGIT.link(mu)


OWN_FAMILY = replace(BINOMIAL, name="own binomial", rows=binomial_rows, variance=twice_mu)
OWN_LINK = replace(LOGIT, name="own logit", link=logit_again)


def fits() -> dict[str, Any]:
    residual = {"residual": "ar1(Days | Subject)"}
    return {
        "lm": nw.lm("Reaction ~ poly(Days, 2)", SLEEP),
        "lmer": nw.lmer("Reaction ~ Days + (Days | Subject)", SLEEP),
        "cs": nw.lmer("Reaction ~ Days + cs(Days | Subject)", SLEEP, REML=False),
        "polars": nw.lmer("Reaction ~ Days + (1 | Subject)", pl.from_pandas(SLEEP)),
        "gls": nw.gls("Reaction ~ Days", SLEEP, **residual),
        "both": nw.lmer("Reaction ~ Days + (1 | Subject)", SLEEP, **residual),
        "fitted": nw.gls("Reaction ~ Days", SLEEP, variance="power(fitted)"),
        "glmer": nw.glmer(SHARES, CBPP, weights="size"),
        "quadrature": nw.glmer(SHARES, CBPP, weights="size", nAGQ=7),
        "probit": nw.glmer(SHARES, CBPP, weights="size", family=nw.families.binomial("probit")),
        "own": nw.glmer(SHARES, CBPP, weights="size", family=OWN_FAMILY, link=OWN_LINK),
    }


FITS = fits()


@pytest.mark.parametrize("name", list(FITS))
@pytest.mark.parametrize("way", ["pickle", "deepcopy", "copy"])
def test_a_copy_says_the_same(name: str, way: str) -> None:
    model = FITS[name]
    ways: dict[str, Any] = {"deepcopy": copy.deepcopy, "copy": copy.copy}
    ways["pickle"] = lambda m: pickle.loads(pickle.dumps(m))
    again = ways[way](model)
    assert type(again) is type(model)
    assert str(again.summary()) == str(model.summary())
    assert repr(again) == repr(model)
    assert again.predict().tobytes() == model.predict().tobytes()
    assert again.vcov().tobytes() == model.vcov().tobytes()
    assert type(again.tidy()) is type(model.tidy())
    assert again.update().loglik == pytest.approx(model.loglik, abs=1e-6)


def test_what_holds_a_fit_can_be_pickled() -> None:
    m, g = FITS["lmer"], FITS["glmer"]
    means = pickle.loads(pickle.dumps(g.emmeans("period", type="response")))
    assert str(means) == str(g.emmeans("period", type="response"))
    assert pickle.loads(pickle.dumps(m.plot)).fit.criterion == m.criterion
    profile = m.profile()
    assert pickle.loads(pickle.dumps(profile)).confint().equals(profile.confint())
    each = nw.lm_list("Reaction ~ Days | Subject", SLEEP)
    for again in (pickle.loads(pickle.dumps(each)), copy.deepcopy(each)):
        assert again.coef().equals(each.coef())
        assert again.summary() == each.summary()


def test_known_families_and_links_stay_themselves() -> None:
    def sent(value: Any) -> Any:
        return pickle.loads(pickle.dumps(value))

    for link in nw.families.links.values():
        assert sent(link) is copy.deepcopy(link) is copy.copy(link) is link
    probit = nw.families.binomial("probit")
    assert sent(probit) == probit
    assert sent(probit).links[0] == "probit"
    assert sent(BINOMIAL) is BINOMIAL
    assert sent(OWN_FAMILY) == OWN_FAMILY
    assert sent(OWN_LINK) == OWN_LINK
    assert sent(FITS["glmer"]).fit.family is FITS["glmer"].fit.family


@pytest.mark.parametrize(
    ("kind", "field", "change"),
    [
        ("family", "variance", {"family": replace(BINOMIAL, name="mine", variance=lambda m, p: m)}),
        ("link", "link", {"link": replace(LOGIT, name="mine", link=lambda mu: LOGIT.link(mu))}),
    ],
)
def test_own_functions_without_a_name_are_refused_in_words(
    kind: str, field: str, change: dict[str, Family | Link]
) -> None:
    model = nw.glmer(SHARES, CBPP, weights="size", **change)  # type: ignore[arg-type]
    said = rf"{kind} 'mine' cannot be pickled.*{field}=<function.*top level of a module"
    with pytest.raises(nw.NestwiseError, match=said):
        pickle.dumps(model)
    assert np.array_equal(copy.deepcopy(model).predict(), model.predict())
    # Our own workers take such functions all the same.
    one, two = (model.bootstrap(4, seed=1, n_jobs=jobs).replicates for jobs in (1, 2))
    assert one.equals(two)
