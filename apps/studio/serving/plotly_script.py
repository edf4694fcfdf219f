"""Serve the plotly.js of the installed package, for components that draw without Streamlit."""

from __future__ import annotations

from functools import lru_cache

from plotly.offline import get_plotlyjs, get_plotlyjs_version
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

URL = f"/plotly/{get_plotlyjs_version()}/plotly.min.js"
HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "public, max-age=31536000"}


def route() -> Route:
    """Return the route for `st.App(routes=...)`."""
    return Route(URL, _respond, methods=["GET"])


@lru_cache(maxsize=1)
def _script() -> bytes:
    text: str = get_plotlyjs()
    return text.encode()


def _respond(_: Request) -> Response:
    return Response(_script(), media_type="text/javascript", headers=HEADERS)
