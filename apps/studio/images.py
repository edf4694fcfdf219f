"""Serves thumbnails of one folder of pictures, and nothing else of the disk: every answer is
decoded and encoded again.
"""

from __future__ import annotations

import secrets
from functools import lru_cache
from pathlib import Path, PurePosixPath
from urllib.parse import quote

import cv2
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from core import image
from core.errors import UserError

SIZE = 128
"""Pixels of a thumbnail's long side."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, max-age=3600",
}


class Faces:
    """The folder behind `/faces/TOKEN/...`; the token changes with every start, so that no other
    page can guess an address.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.token = secrets.token_urlsafe(16)
        self._made = lru_cache(maxsize=4096)(self._thumbnail)  # about 5 kB each

    def find(self, path: str | None) -> Path | None:
        """The picture at `path` relative to the folder; None where there is none, or where it lies
        (or a link leads) outside.
        """
        if (
            not path
            or "\0" in path
            or "\\" in path
            or path.startswith("/")
            or ".." in PurePosixPath(path).parts
        ):
            return None
        try:
            full = (self.root / path).resolve(strict=True)
        except (OSError, RuntimeError, ValueError):
            return None
        return full if full.is_relative_to(self.root) and full.is_file() else None

    def url(self, path: str) -> str:
        """Address of a thumbnail."""
        return f"/faces/{self.token}/{quote(path)}"

    def route(self) -> Route:
        """For `st.App(routes=...)`."""
        return Route("/faces/{token}/{path:path}", self._answer, methods=["GET"])

    def _answer(self, request: Request) -> Response:
        asked = request.path_params
        if not secrets.compare_digest(asked["token"].encode(), self.token.encode()):
            return Response(status_code=404)
        found = self.find(asked["path"])
        try:
            content = self._made(found) if found else None
        except (UserError, OSError):
            content = None
        return (
            Response(content, media_type="image/jpeg", headers=HEADERS)
            if content
            else Response(status_code=404)
        )

    def _thumbnail(self, path: Path) -> bytes:
        rgb = image.load(path)
        scale = SIZE / max(rgb.shape[:2])
        if scale < 1:
            width, height = (max(1, round(side * scale)) for side in (rgb.shape[1], rgb.shape[0]))
            rgb = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA)
        done, coded = cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])
        if not done:
            raise OSError(f"could not encode {path}")
        return coded.tobytes()
