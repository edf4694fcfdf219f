"""What a messenger reads of a link: each page's own title, on Streamlit's frame."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from apps.studio import app, link_preview, settings
from apps.studio.settings import Settings


def test_each_page_has_its_title_and_a_description() -> None:
    client = TestClient(Starlette(routes=[*link_preview.routes({"a": "A & <b>"}, "first")]))
    page = client.get("/a?table=drawn").text
    assert "<title>A &amp; &lt;b&gt; · Mien studio</title>" in page
    assert '<meta property="og:title" content="A &amp; &lt;b&gt; · Mien studio">' in page
    assert link_preview.ABOUT in page and "<title>Streamlit</title>" not in page
    assert "<title>Mien studio</title>" in client.get("/").text


@pytest.mark.parametrize("query", ["", "?table=drawn", "?cm.cell=a%20b&cm.cell=%26&text=%C3%BC"])
def test_the_first_page_by_its_own_name_leads_to_the_address_without_one(query: str) -> None:
    routes = [*link_preview.routes({"start": "Start", "other": "Other"}, "start")]
    client = TestClient(Starlette(routes=routes), follow_redirects=False)
    response = client.get(f"/start{query}")
    assert response.is_redirect and response.headers["location"] == f"/{query}"
    assert client.get(f"/other{query}").status_code == 200


@pytest.mark.parametrize(
    ("opened", "first"),
    [
        (Settings(), "start"),
        (Settings(tables=(Path("t.parquet"),)), "overview"),
        (Settings(datasets=("faces.csv",)), "dataset"),
    ],
    ids=["nothing", "tables", "a data set"],
)
def test_the_first_page_is_about_what_is_open(
    opened: Settings, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings.PROCESS, "settings", opened)
    assert app.first_page() == first in app.pages()
