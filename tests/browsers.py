"""Debian's Chromium as the tests start it, whole or without windows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tests.conftest import need

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

CHROMIUM = Path("/usr/bin/chromium")
HEADLESS = Path("/usr/bin/chromium-headless-shell")
"""The same source without windows: a page takes it a third less time."""
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # else a processor draws sixty frames a second of every spinner while a page loads
    "--disable-threaded-animation",
)
"""It calls nobody and draws without a graphics card."""
MAX_LAZY = "--js-flags=--max-lazy"
"""A function of a script is read when it is called; most never are."""


def launch(
    playwright: Playwright, flags: Sequence[str] = FLAGS, *, is_whole: bool = False
) -> Browser:
    """Start Chromium: without windows where Debian's package for that is installed.

    Args:
        playwright: drives it.
        flags: of its command line.
        is_whole: whether it must be the browser that visitors use.
    """
    path = CHROMIUM if is_whole or not HEADLESS.exists() else HEADLESS
    return playwright.chromium.launch(executable_path=need(path), args=[*flags, MAX_LAZY])
