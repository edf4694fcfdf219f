"""Gradio's record of how far uploads are, for the bar on the page: forgotten after use.

Gradio forgets an upload only once somebody has read that it is done, and of a name that somebody
asked for it keeps a signal for ever.
"""

from __future__ import annotations

import asyncio
import re
from urllib.parse import parse_qs

from gradio.routes import file_upload_statuses
from starlette.types import Scope

from apps.webcam.serving.bodies import BodyError
from apps.webcam.serving.gradio_private import forget_upload
from apps.webcam.serving.routes import HASH

KEPT_SECONDS = 60.0
"""How long the page may still ask for it."""


def upload_id_of(scope: Scope) -> str | None:
    """Return the name that a request gives an upload; None without one.

    Raises:
        BodyError: It is not named as browsers do.
    """
    query: bytes = scope["query_string"]
    upload_ids = parse_qs(query.decode("latin-1")).get("upload_id")
    upload_id = upload_ids[-1] if upload_ids else None
    if upload_id is not None and not re.fullmatch(HASH, upload_id):
        raise BodyError(400, "Expected `upload_id` to be up to 64 letters and digits.")
    return upload_id


def forget_later(upload_id: str) -> None:
    """Have Gradio forget an upload, some time after a request for it has ended."""
    asyncio.get_running_loop().call_later(
        KEPT_SECONDS, forget_upload, file_upload_statuses, upload_id
    )
