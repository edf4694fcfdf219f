"""What a messenger reads of a link: each page's own title, on Streamlit's frame."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.testclient import TestClient

from apps.studio import link_preview


def test_each_page_has_its_title_and_a_description() -> None:
    client = TestClient(Starlette(routes=[*link_preview.routes({"a": "A & <b>"})]))
    page = client.get("/a?table=drawn").text
    assert "<title>A &amp; &lt;b&gt; · Mien studio</title>" in page
    assert '<meta property="og:title" content="A &amp; &lt;b&gt; · Mien studio">' in page
    assert link_preview.ABOUT in page and "<title>Streamlit</title>" not in page
    assert "<title>Mien studio</title>" in client.get("/").text
