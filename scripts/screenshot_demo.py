"""Take screenshots of the running demo: docs/demo.png, or with --all every tab.

With --all each tab is taken wide and narrow, light and dark.

    python -m scripts.screenshot_demo [--model M] [--out docs/demo.png] [--all DIR]

The script starts the demo and plays it a public-domain portrait (NASA, from scikit-image) as its
camera. Needs the test dependencies and Chromium.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from core.cli import run_program
from core.system import ROOT, SHIPPED_MODEL

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
]


def write_camera(path: Path) -> None:
    """Write a second of the portrait, swaying a little, as YUV4MPEG2 of 640x480."""
    from skimage.data import astronaut

    # Closer than the whole picture, as people sit before a laptop.
    portrait = astronaut()[:400, 20:470]  # type: ignore[no-untyped-call]  # skimage has no types
    height, width = 480, 640
    zoom = (width + 8) / portrait.shape[1]
    large = cv2.resize(portrait, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC)[:height]
    with path.open("wb") as file:
        file.write(b"YUV4MPEG2 W640 H480 F15:1 Ip A1:1 C420jpeg\n")
        for k in range(15):
            left = 4 + round(4 * np.sin(2 * np.pi * k / 15))
            moved = np.ascontiguousarray(large[:, left : left + width])
            file.write(b"FRAME\n" + cv2.cvtColor(moved, cv2.COLOR_RGB2YUV_I420).tobytes())


def go_live(page: Any) -> None:
    """Allow the camera and wait until the smoothed values stand still."""
    page.get_by_role("button", name="Start camera").click()
    page.locator("#mien-live .mien-card").first.wait_for()
    page.wait_for_timeout(4000)


def every_page(page: Any, folder: Path, name: str) -> None:
    """Take a screenshot of each tab."""
    page.screenshot(path=folder / f"{name}-start.png", full_page=True)
    go_live(page)
    page.screenshot(path=folder / f"{name}-webcam.png", full_page=True)
    page.get_by_role("tab", name="Image").click()
    page.locator(".gallery-item").first.click()
    page.locator("#mien-image .mien-card").first.wait_for()
    page.wait_for_timeout(500)
    page.screenshot(path=folder / f"{name}-image.png", full_page=True)
    for tab in ("Video", "About"):
        page.get_by_role("tab", name=tab).click()
        page.wait_for_timeout(300)
        page.screenshot(path=folder / f"{name}-{tab.lower()}.png", full_page=True)


def run(args: argparse.Namespace) -> None:
    """Take the screenshots."""
    from playwright.sync_api import sync_playwright

    from evaluation.benchmark.app_processes import running_demo
    from scripts.screenshots import fresh_pages

    (args.all or args.out.parent).mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_demo(args.model or SHIPPED_MODEL) as (url, _),
        sync_playwright() as play,
    ):
        camera = Path(folder) / "face.y4m"
        write_camera(camera)
        flags = [*FLAGS, f"--use-file-for-fake-video-capture={camera}"]
        browser = play.chromium.launch(executable_path=args.chromium, args=flags)
        sizes = {"wide": (1200, 820), "phone": (390, 844)} if args.all else {"wide": (1200, 840)}
        schemes = ("light", "dark") if args.all else ("light",)
        for name, page in fresh_pages(browser, sizes, schemes, permissions=["camera"]):
            page.goto(url)
            page.get_by_role("button", name="Start camera").wait_for()
            if args.all:
                every_page(page, args.all, name)
            else:
                go_live(page)
                page.screenshot(path=args.out)
        browser.close()


def main(argv: Sequence[str] | None = None) -> int:
    """Run and return the exit status of the process."""
    p = argparse.ArgumentParser(
        prog="python -m scripts.screenshot_demo", description="Screenshots of the running demo."
    )
    p.add_argument("--model", type=Path, help="model file or folder (default: the shipped one)")
    p.add_argument(
        "--out",
        type=Path,
        default=ROOT / "docs" / "demo.png",
        help="the README's picture (default: docs/demo.png)",
    )
    p.add_argument("--all", type=Path, metavar="DIR", help="every page into DIR instead")
    p.add_argument("--chromium", default="/usr/bin/chromium")
    return run_program(p, run, argv)


if __name__ == "__main__":
    sys.exit(main())
