"""Every page of the folder in every case: nothing is thrown and nothing is called an error. A new
page is tested for free.
"""

from __future__ import annotations

import pytest

from apps.studio import app
from core import registry
from tests.apps.studio.conftest import CASES

PAGES = registry.names(app.PAGES_PACKAGE)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("page", PAGES)
def test_every_page_in_every_case(draw, page: str, case: str) -> None:
    drawn = draw(page, case)
    assert [e.message for e in drawn.exception] == []
    assert [e.value for e in drawn.error] == []
    assert drawn.title[0].value == registry.load(app.PAGES_PACKAGE, page).TITLE
    assert len(drawn.main.children) > 1, "more than the title is shown"


def test_pages_have_what_the_router_needs() -> None:
    pages = app.pages()
    assert set(pages) == set(PAGES)
    assert len({(p.ORDER, p.TITLE) for p in pages.values()}) == len(pages)
    assert all(p.ICON.startswith(":material/") for p in pages.values())
