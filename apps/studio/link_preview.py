"""What a messenger shows of a link: the page's name and what the studio is for.

Messengers run no script, and Streamlit sends every page as the same empty frame, titled
"Streamlit"; here each page gets the frame with its own title.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from html import escape
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from streamlit import file_util

from apps.studio.app import NAME, page_title

ABOUT = "Where a face model fails, and how sure that is: figures with intervals, and the samples."
TITLE = "<title>Streamlit</title>"
DESCRIPTIONS = (("property", "og:description"), ("name", "description"))
HEADERS = {"Cache-Control": "no-cache"}
"""As Streamlit sends it: the frame names files that change with the version."""


def routes(titles: Mapping[str, str], first: str) -> Iterator[Route]:
    """Return the routes of all pages and of the address without one, for `st.App(routes=...)`.

    Args:
        titles: name -> title of each page.
        first: the page of the address without one. Streamlit does not know it by its own name.
    """
    yield Route(f"/{first}", _to_first_page, methods=["GET"])
    frame = Path(file_util.get_static_dir(), "index.html").read_text(encoding="utf-8")
    for path, title in {"": NAME, **{k: page_title(v) for k, v in titles.items()}}.items():
        yield Route(f"/{path}", partial(_respond, with_preview(frame, title)), methods=["GET"])


def with_preview(frame: str, title: str) -> str:
    """Return an HTML page with a title, and the tags of the Open Graph protocol (ogp.me)."""
    properties = {"og:type": "website", "og:site_name": NAME, "og:title": title}
    tags = [f'<meta property="{k}" content="{escape(v)}">' for k, v in properties.items()]
    tags += [f'<meta {key}="{k}" content="{escape(ABOUT)}">' for key, k in DESCRIPTIONS]
    return frame.replace(TITLE, f"<title>{escape(title)}</title>" + "".join(tags))


def _to_first_page(request: Request) -> Response:
    return RedirectResponse(f"/?{request.url.query}" if request.url.query else "/")


def _respond(page: str, _: Request) -> Response:
    return HTMLResponse(page, headers=HEADERS)
