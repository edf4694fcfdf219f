"""What the programs that take screenshots share: a page in each size and colour scheme."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

WEBGL_FLAGS = ("--no-sandbox", "--enable-unsafe-swiftshader", "--use-angle=swiftshader")
"""Of Chromium without a graphics card: the processor draws the map of the page Browse."""


def fresh_pages(
    browser: Any, sizes: Mapping[str, tuple[int, int]], schemes: Sequence[str], **settings: Any
) -> Iterator[tuple[str, Any]]:
    """Yield a page without history in each size and colour scheme, after its "size-scheme".

    Args:
        browser: of Playwright.
        sizes: name -> width and height of the window in pixels.
        schemes: "light", "dark".
        settings: more arguments of `browser.new_context`.
    """
    for (name, (width, height)), scheme in product(sizes.items(), schemes):
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            device_scale_factor=1,
            **settings,
        )
        yield f"{name}-{scheme}", context.new_page()
        context.close()
