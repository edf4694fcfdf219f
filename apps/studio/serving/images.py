"""Serve thumbnails of folders of pictures, and nothing else of the disk.

Every picture is decoded and encoded again, so that only pictures ever leave a folder.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path, PurePosixPath
from urllib.parse import quote

import cv2
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from core import image
from core.errors import UserError

THUMBNAIL_PIXELS = 128
"""Long side of a thumbnail."""
JPEG_QUALITY = 85
MAX_DECODING = 2
"""Pictures that are decoded at once; each takes up to 400 MB meanwhile."""
CACHED_THUMBNAILS = 4096
"""Thumbnails of one folder that are kept in memory, about 5 kB each."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, max-age=3600",
}
_decoding = threading.BoundedSemaphore(MAX_DECODING)


class Faces:
    """A folder of pictures behind `/faces/TOKEN/...`.

    The token changes with every start, so that no other page can guess an address.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.token = secrets.token_urlsafe(16)
        self._cached_thumbnail = lru_cache(maxsize=CACHED_THUMBNAILS)(thumbnail)

    def find(self, path: str | None) -> Path | None:
        """Return the picture at `path`, relative to the folder.

        Returns:
            None where there is no such file, or where it lies (or a link leads) outside.
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
        """Return the address of a thumbnail."""
        return f"/faces/{self.token}/{quote(path)}"

    def response(self, path: str) -> Response:
        """Return the thumbnail of the picture at `path`, or status 404."""
        file = self.find(path)
        if file is None:
            return Response(status_code=404)
        try:
            content = self._cached_thumbnail(file)
        except (UserError, OSError):
            return Response(status_code=404)
        return Response(content, media_type="image/jpeg", headers=HEADERS)


def route(folders: Sequence[Faces]) -> Route:
    """Return the route to the pictures of these folders, for `st.App(routes=...)`."""

    def respond(request: Request) -> Response:
        token, path = request.path_params["token"], request.path_params["path"]
        for faces in folders:
            if secrets.compare_digest(token.encode(), faces.token.encode()):
                return faces.response(path)
        return Response(status_code=404)

    return Route("/faces/{token}/{path:path}", respond, methods=["GET"])


def thumbnail(path: Path) -> bytes:
    """Return a picture as a JPEG file whose long side has at most `THUMBNAIL_PIXELS`.

    Raises:
        UserError: the file is no picture that can be read.
        OSError: the file cannot be opened, or the picture cannot be encoded.
    """
    with _decoding:
        rgb = image.load(path)
        scale = THUMBNAIL_PIXELS / max(rgb.shape[:2])
        if scale < 1:
            width, height = (max(1, round(side * scale)) for side in (rgb.shape[1], rgb.shape[0]))
            rgb = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA)
    encoded, content = cv2.imencode(
        ".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    )
    if not encoded:
        raise OSError(f"could not encode {path}")
    return content.tobytes()
