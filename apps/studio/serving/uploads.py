"""Uploaded tables: kept in the server for an hour, each under an id that nobody can guess.

The ids stand in the URL, so that uploaded tables survive a reload and can be shared meanwhile.
"""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass, field

import streamlit as st

from apps.studio import url_state
from evaluation.store import Store

LIFETIME_SECONDS = 3600
MAX_UPLOADS = 20
"""Tables that the server keeps for all visitors together."""
MAX_UPLOADS_OF_VISIT = 3
SELECTED, OPENED = "table", "own"
"""Selections: the id of the table that is shown, the ids of all that were opened, oldest first."""
SESSION_KEY = "mien_opening"


@dataclass(frozen=True, slots=True)
class Upload:
    """One uploaded table.

    Attributes:
        name: what people call it, untrusted text.
        store: its rows.
        end: when it is deleted, in seconds of `time.monotonic`.
        timer: deletes it then; it is a thread until it is cancelled.
    """

    name: str
    store: Store
    end: float
    timer: threading.Timer

    @property
    def minutes_left(self) -> int:
        """Minutes until it is deleted, at least 1."""
        return max(1, round((self.end - time.monotonic()) / 60))


_uploads: dict[str, Upload] = {}
"""All visitors' tables by id, oldest first."""


def keep(store: Store, name: str) -> str:
    """Keep a table for an hour and return its id; beyond `MAX_UPLOADS` the oldest is deleted.

    Args:
        store: the opened table, which needs no file any more.
        name: what people call it, untrusted text.
    """
    upload_id = secrets.token_urlsafe(16)
    for oldest in list(_uploads)[: -MAX_UPLOADS + 1]:
        delete(oldest)
    timer = threading.Timer(LIFETIME_SECONDS, delete, [upload_id])
    timer.daemon = True
    _uploads[upload_id] = Upload(name, store, time.monotonic() + LIFETIME_SECONDS, timer)
    timer.start()
    return upload_id


def find(upload_id: str) -> Upload | None:
    """Return an uploaded table; None where there is none (any more) of that id."""
    return _uploads.get(upload_id)


def delete(upload_id: str) -> None:
    """Delete a table, for all who have its id."""
    upload = _uploads.pop(upload_id, None)
    if upload is not None:
        upload.timer.cancel()


@dataclass(slots=True)
class Opening:
    """A table that a visitor is opening.

    A click meanwhile starts a second run of the page, and Streamlit ends the first one at its next
    call. So the first leaves here what came of it, and every run begins with `finish_opening`.

    Attributes:
        lock: held while the table is opened.
        upload_id: of the table, until it is selected.
        error: what was wrong with it, until it is shown.
    """

    lock: threading.Lock = field(default_factory=threading.Lock)
    upload_id: str = ""
    error: str = ""


def opening() -> Opening:
    """Return what this visitor is opening."""
    one: Opening = st.session_state.setdefault(SESSION_KEY, Opening())
    return one


def finish_opening() -> str:
    """Wait for a table that is being opened and select it; return what was wrong with it, or ""."""
    one = opening()
    with one.lock:
        pass
    if one.upload_id:
        # What falls out of the list is kept until its hour is over: another may have shared it.
        upload_ids = [*of_visit(), one.upload_id][-MAX_UPLOADS_OF_VISIT:]
        url_state.replace({SELECTED: upload_ids[-1:], OPENED: upload_ids})
        one.upload_id = ""  # not before: the line above may end this run
        st.rerun()  # without the click of this one, which may be a second one on the same button
    error, one.error = one.error, ""
    return error


def select(table_id: str) -> None:
    """Select a table of this visit; what was selected in another one goes.

    Args:
        table_id: an upload's, a sample's, or "" for what is open at the start.
    """
    selected = [table_id] if table_id else []
    url_state.replace({SELECTED: selected, OPENED: url_state.get(OPENED)})


def of_visit() -> dict[str, Upload]:
    """Return id -> table of those opened in this visit that still exist, oldest first."""
    ids = url_state.get(OPENED)[-MAX_UPLOADS_OF_VISIT:]
    return {upload_id: upload for upload_id in ids if (upload := find(upload_id))}
