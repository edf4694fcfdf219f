"""Take screenshots of the running studio: docs/studio.png, or with --all every page.

With --all each page is taken wide and narrow, light and dark.

    python -m scripts.screenshot_studio [--out docs/studio.png] [--all DIR] [--table drawn]
    [--images DIR] [T.parquet ...]

The script starts the studio, on the shipped samples unless tables are named. The README's
screenshot shows the drawn faces. Needs the test dependencies and Chromium.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from core.cli import run_program
from core.system import ROOT
from scripts.screenshots import WEBGL_FLAGS, fresh_pages

SIZES = {"wide": (1400, 1000), "phone": (390, 844)}


def wait_until_drawn(page: Any) -> None:
    """Wait until the page's script has run and its charts are drawn."""
    page.get_by_role("heading", level=1).first.wait_for()
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    page.wait_for_timeout(400)
    page.wait_for_function("!document.querySelector('[data-testid=stSkeleton]')")
    page.wait_for_timeout(1200)


def reduce_colours(path: Path) -> None:
    """Reduce a PNG to 192 colours: a quarter of the bytes, and no visible difference."""
    from PIL import Image

    Image.open(path).convert("RGB").quantize(192, dither=Image.Dither.NONE).save(
        path, optimize=True
    )


def grow_to_content(page: Any) -> None:
    """Make the window as high as the page's content, which scrolls in itself."""
    size = page.viewport_size
    content = page.evaluate(
        "document.querySelector('[data-testid=stMainBlockContainer]').scrollHeight"
    )
    page.set_viewport_size(size | {"height": min(max(size["height"], int(content) + 20), 6000)})
    page.wait_for_timeout(800)


def run(args: argparse.Namespace) -> None:
    """Take the screenshots."""
    from playwright.sync_api import sync_playwright

    from core import registry
    from core.labels import NEUTRAL_CONTEMPT
    from evaluation.benchmark.app_processes import running

    home = "overview" if args.tables else "start"
    table = [] if args.tables or not args.table else [("table", args.table)]
    (args.all or args.out.parent).mkdir(parents=True, exist_ok=True)
    pages = args.only or registry.names("apps.studio.pages")
    arguments = [*args.tables, *(["--images", args.images] if args.images else [])]
    with (
        running("apps.studio", *arguments, page="/_stcore/health") as (url, _),
        sync_playwright() as play,
    ):
        browser = play.chromium.launch(executable_path=args.chromium, args=WEBGL_FLAGS)
        sizes = SIZES if args.all else {"wide": (1400, 820)}
        schemes = ("light", "dark") if args.all else ("light",)
        for name, page in fresh_pages(browser, sizes, schemes):
            page.set_default_timeout(120_000)
            size = page.viewport_size
            for shown in pages if args.all else [args.page]:
                chosen = [("cm.cell", label) for label in NEUTRAL_CONTEMPT * (shown == "confusion")]
                address = f"{url}/{shown}".removesuffix(f"/{home}")
                page.goto(f"{address}?{urlencode([*table, *chosen])}")
                wait_until_drawn(page)
                target = args.all / f"{shown}-{name}.png" if args.all else args.out
                if args.all:
                    grow_to_content(page)
                page.screenshot(path=target)
                reduce_colours(target)
                page.set_viewport_size(size)
        browser.close()


def main(argv: Sequence[str] | None = None) -> int:
    """Run and return the exit status of the process."""
    p = argparse.ArgumentParser(
        prog="python -m scripts.screenshot_studio", description="Screenshots of the running studio."
    )
    p.add_argument(
        "tables", nargs="*", metavar="T.parquet", help="predictions (default: the shipped ones)"
    )
    p.add_argument(
        "--out",
        type=Path,
        default=ROOT / "docs" / "studio.png",
        help="the README's picture (default: docs/studio.png)",
    )
    p.add_argument(
        "--page",
        default="confusion",
        help="its page (default: a cell of confusion)",
    )
    p.add_argument("--all", type=Path, metavar="DIR", help="every page into DIR instead")
    p.add_argument("--only", nargs="*", metavar="PAGE", help="--all: these pages")
    p.add_argument("--table", default="drawn", help="id of the sample (default: drawn)")
    p.add_argument("--images", metavar="DIR", help="with pictures of faces: not for the README")
    p.add_argument("--chromium", default="/usr/bin/chromium")
    return run_program(p, run, argv)


if __name__ == "__main__":
    sys.exit(main())
