"""Query strings of the studio: any page, drawn with selections that no page has made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from streamlit.testing.v1 import AppTest

from apps.studio import samples
from core import registry

MAX_SECONDS = 20.0
"""A page computes intervals of all its figures; the first one imports the charts."""
PAGES = "apps.studio.pages"
NAMES = ("task", "models", "table", "datasets", "splits", "confidence", "age", "right", "text")
OTHERS = ("face", "g.race", "g.", "pc.cell", "sp.bundle", "cm.cell", "w.task", "__proto__", "")
TEXTS = (
    "",
    "emotion",
    "mien",
    "nan~inf",
    "1e999~-1",
    "0.5~0.1",
    "' OR 1=1 --",
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "\x00",
    "x" * 5_000,
    "%s%n{0}",
    "[](http://a.b)",
    "99999999999999999999",
    "\ud7ff\u202e",
)
SCRIPT = """
from apps.studio import frame
from core import registry
frame.run(registry.load("apps.studio.pages", {page!r}), {{}})
"""


def prepare(rng: np.random.Generator, folder: Path) -> Callable[[], object]:
    """Choose a page and a query string, and return the drawing of the page."""
    samples.offered()  # its pictures are drawn, and kept, the first time
    page = str(rng.choice(registry.names(PAGES)))
    app = AppTest.from_string(SCRIPT.format(page=page), default_timeout=60)
    for _ in range(int(rng.integers(1, 8))):
        name = str(rng.choice([*NAMES, *OTHERS]))
        app.query_params[name] = [
            str(rng.choice(TEXTS)) for _ in range(int(rng.choice([1, 2, 200], p=[0.6, 0.3, 0.1])))
        ]
    return lambda: _draw(app)


def _draw(app: AppTest) -> None:
    app.run()
    if app.exception:
        raise AssertionError(f"the page shows: {app.exception[0].value}")
