"""How the variance of the response divides: a bar for each model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from nestwise._base.errors import OptionError
from nestwise.inference.kinds import Fit, GlmmFit, LmFit
from nestwise.inference.variance_parts import variance_table
from nestwise.present.plots.canvas import GREY, PALETTE, legend_below, one_axes, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NARROW = 0.06
"""A share below this has no room for its number."""


def variance_shares(fits: Mapping[str, Fit], ax: Axes | None = None) -> Axes:
    """Stack the shares of variance: fixed effects, each grouping factor, residual.

    Parameters
    ----------
    fits : mapping of str to LmmFit, GlmmFit or StructuredFit
        Mixed models by the name that their bar gets; generalised ones on the scale of the link.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes

    Raises
    ------
    OptionError
        When there is no model, or one has no random effects.
    MissingExtraError
        When matplotlib is not installed.

    Examples
    --------
    >>> import nestwise as nw
    >>> m = nw.lmer("diameter ~ 1 + (1 | plate) + (1 | sample)", nw.load_dataset("Penicillin"))
    >>> axes = variance_shares({"Penicillin": m.fit})
    >>> [t.get_text() for t in axes.texts]
    ['15 %', '79 %', '6 %']
    """
    if not fits:
        raise OptionError("variance_shares needs at least one model")
    shares: dict[str, dict[str, float]] = {}
    for name, fit in fits.items():
        if isinstance(fit, LmFit) or not fit.design.terms:
            raise OptionError(f"variance_shares: {name!r} is no mixed model with such shares")
        table = variance_table(fit)
        shares[name] = dict(zip(map(str, table["part"]), map(float, table["share"]), strict=True))
    parts = _ordered(list(shares.values()))
    axes = one_axes(ax, 7.2, 1.9 + 0.55 * len(shares))
    for place, own in enumerate(shares.values()):
        _bar(axes, place, own, parts)
    for part in parts:
        label = "fixed effects" if part == "fixed" else part
        axes.barh([0], [0], color=_colour(part, parts), label=label)
    axes.set_yticks(range(len(shares)), list(shares))
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1.0], ["0 %", "25 %", "50 %", "75 %", "100 %"])
    axes.grid(False, axis="y")
    axes.set_xlabel("Share of the variance")
    link = {f" ({fit.link.name} scale)" for fit in fits.values() if isinstance(fit, GlmmFit)}
    labels = {fit.design.formula.response_label for fit in fits.values()}
    title(axes, f"Where {' and '.join(sorted(labels))} varies{''.join(sorted(link))}")
    if ax is None:
        legend_below(axes, columns=4)
    return axes


def _ordered(shares: list[dict[str, float]]) -> list[str]:
    groups = dict.fromkeys(p for own in shares for p in own if p not in ("fixed", "Residual"))
    fixed = ["fixed"] if any(own.get("fixed", 0.0) > 0.0 for own in shares) else []
    return [*fixed, *groups, "Residual"]


def _colour(part: str, parts: list[str]) -> str:
    if part == "Residual":
        return "#BDBDBD"
    return GREY if part == "fixed" else PALETTE[(parts.index(part) - ("fixed" in parts)) % 6]


def _bar(axes: Axes, place: int, own: dict[str, float], parts: list[str]) -> None:
    left = 0.0
    for part in parts:
        share = own.get(part, 0.0)
        colour = _colour(part, parts)
        axes.barh([place], [share], left=left, height=0.62, color=colour, edgecolor="white")
        if share >= NARROW:
            dark = part == "Residual" or colour in PALETTE[2:6]
            axes.text(
                left + share / 2,
                place,
                f"{100 * share:.0f} %",
                ha="center",
                va="center",
                fontsize=9,
                color="black" if dark else "white",
            )
        left += share


__all__ = ["variance_shares"]
