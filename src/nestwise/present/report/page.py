"""The page as one file of HTML."""

from __future__ import annotations

from importlib import resources

from nestwise._base.errors import MissingExtraError
from nestwise.present.report.blocks import Page


def render(page: Page) -> str:
    """Write the page.

    Parameters
    ----------
    page : Page
        Its parts; their text is escaped here.

    Returns
    -------
    str
        HTML that needs no other file and no network.

    Raises
    ------
    MissingExtraError
        When Jinja2 is not installed.

    Examples
    --------
    >>> text = render(Page("A < B", "", (), (), ""))
    >>> "<h1>A &lt; B</h1>" in text
    True
    """
    try:
        import jinja2
    except ImportError:
        raise MissingExtraError(
            "reports need Jinja2, which is not installed; run: pip install 'nestwise[report]'"
        ) from None
    folder = resources.files("nestwise") / "present" / "report"
    sources = {
        name: (folder / name).read_text(encoding="utf-8") for name in ("page.html", "page.css")
    }
    environment = jinja2.Environment(
        loader=jinja2.DictLoader(sources),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    text = environment.get_template("page.html").render(page=page, style=sources["page.css"])
    return text.rstrip() + "\n"


__all__ = ["render"]
