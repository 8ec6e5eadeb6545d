"""A headless Chromium that opens a file and tells what it saw."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")

# Runs in the page after everything is loaded, and tells the frame's owner what it found.
PROBE = """<script>
addEventListener("load", () => setTimeout(() => {
  const beyond = e => e.getBoundingClientRect().right > innerWidth + 1;
  const wide = [...document.querySelectorAll("body *")].filter(e =>
    !e.closest(".scroll") && !e.matches(".skip") && beyond(e));
  const images = [...document.images];
  parent.postMessage(JSON.stringify({
    width: innerWidth,
    fetched: performance.getEntriesByType("resource").map(e => e.name).filter(
      name => !name.startsWith("data:")),
    images: images.length,
    broken: images.filter(i => !i.complete || i.naturalWidth === 0).map(i => i.alt),
    small: images.filter(i => i.getBoundingClientRect().width < 100).map(i => i.alt),
    wide: wide.map(e => e.tagName + ": " + e.textContent.slice(0, 40)),
    scroll: document.documentElement.scrollWidth,
    equations: [...document.querySelectorAll("math")].map(m => m.getBoundingClientRect().height),
  }), "*");
}, 50));
</script>"""

# A window is never narrower than 500 points, a frame in it may be.
FRAME = """<!DOCTYPE html><title>frame</title><script>
addEventListener("message", e => {{
  const out = document.createElement("pre");
  out.id = "probe"; out.textContent = e.data;
  document.body.append(out);
}});
</script><iframe src="{name}" style="width:{width}px;height:900px;border:0"></iframe>"""


def find_browser() -> str | None:
    """The path of a Chromium, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def _run(browser: str, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    quiet = ("--no-first-run", "--disable-background-networking", "--disable-component-update",
             "--disable-sync", "--disable-default-apps", "--no-pings", "--disable-gpu",
             "--host-resolver-rules=MAP * ~NOTFOUND")  # fmt: skip
    profile = f"--user-data-dir={folder / 'profile'}"
    command = [browser, "--headless", "--no-sandbox", *quiet, profile, *words]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=90)


def visit(browser: str, page: Path, folder: Path) -> list[str]:
    """Open a page as it is, its policy against fetching included: the console's lines."""
    words = ("--enable-logging=stderr", "--virtual-time-budget=2000", "--dump-dom", page.as_uri())
    told = _run(browser, folder, *words).stderr
    return [line for line in told.splitlines() if "CONSOLE" in line]


def probe(browser: str, page: Path, folder: Path, width: int) -> dict[str, Any]:
    """Open a copy of the page that carries the probe, in a frame of some width."""
    text = page.read_text(encoding="utf-8")
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    copy, frame = folder / "probe.html", folder / f"frame-{width}.html"
    copy.write_text(text.replace("</head>", f"{PROBE}</head>"), encoding="utf-8")
    frame.write_text(FRAME.format(name=copy.name, width=width), encoding="utf-8")
    words = ("--window-size=1300,1000", "--virtual-time-budget=4000", "--dump-dom")
    shown = _run(browser, folder, *words, frame.as_uri())
    (found,) = re.findall(r'<pre id="probe">(.*?)</pre>', shown.stdout, re.DOTALL)
    answer: dict[str, Any] = json.loads(unescape(found))
    return answer


def print_page(browser: str, page: Path, folder: Path) -> bytes:
    """The page as PDF, as a printer would get it."""
    out = folder / "page.pdf"
    _run(browser, folder, f"--print-to-pdf={out}", page.as_uri())
    return out.read_bytes()
