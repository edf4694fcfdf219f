"""The gate before Gradio: only known requests pass, with bodies rebuilt from their known parts."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from urllib.parse import parse_qs

import gradio as gr
from gradio.block_function import BlockFunction
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from apps.webcam import image_io, uploads
from apps.webcam.serving import bodies, clients, payloads, routes, upload_progress
from apps.webcam.serving.bodies import BodyError, Reservations
from apps.webcam.serving.gradio_private import queue_of
from apps.webcam.serving.payloads import JsonObject
from apps.webcam.serving.routes import RequestKind
from apps.webcam.serving.stored_uploads import StoredUploads
from core import image
from core.errors import UserError

JSON_OVERHEAD_BYTES = 64 * 2**10
BASE64_GROWTH = 4 / 3
MAX_JSON_BYTES = int(image.MAX_BYTES * BASE64_GROWTH) + JSON_OVERHEAD_BYTES
MAX_FRAME_JSON_BYTES = int(image_io.MAX_FRAME_BYTES * BASE64_GROWTH) + JSON_OVERHEAD_BYTES
MEMORY_BYTES, MEMORY_BYTES_PER_CLIENT = 256 * 2**20, 96 * 2**20
"""JSON under way, of everybody and of one client."""
DISK_BYTES = 1024 * 2**20
"""Quota of the folder of uploads."""

FRAME_ANSWER = {"msg": "success"}
"""Answer of Gradio's route."""

_BODY_HEADERS = frozenset({b"content-length", b"content-type", b"transfer-encoding"})


class RequestMiddleware:
    """Pass on what `routes` lists, within the limits of `bodies` and `clients`."""

    def __init__(
        self, app: ASGIApp, page: gr.Blocks, stored: StoredUploads, max_upload_bytes: int
    ) -> None:
        self.app = app
        self.functions = page.fns
        self.queue = queue_of(page)
        self.stored = stored
        self.max_upload_bytes = max_upload_bytes
        self.open_requests: Counter[str] = Counter()
        self.memory = Reservations(MEMORY_BYTES, MEMORY_BYTES_PER_CLIENT)
        self.disk = Reservations(DISK_BYTES, uploads.MAX_BYTES_PER_CLIENT)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        client = clients.client_of(scope)
        has_started = False

        async def send_and_note(message: Message) -> None:
            nonlocal has_started
            has_started = True
            await send(message)

        self.open_requests[client] += 1
        try:
            if self.open_requests[client] > clients.most_requests(client):
                raise BodyError(429, "Expected fewer requests at a time; try to close some pages.")
            await self._pass_on(scope, receive, send_and_note)
        except BodyError as error:
            status, problem = error.status, str(error)
        except UserError as error:
            status, problem = 400, str(error)
        else:
            return
        finally:
            self.open_requests[client] -= 1
            if not self.open_requests[client]:
                del self.open_requests[client]
        if not has_started:
            headers = {"Connection": "close"} if status in (408, 411, 413) else None
            await JSONResponse({"detail": problem}, status, headers)(scope, receive, send)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = routes.classify(scope["method"], scope["path"])
        if route is None:
            raise BodyError(404, "Expected an address of the demo, got another.")
        kind, name = route
        if kind is RequestKind.READ:
            self._check_session_exists(scope)
            await self._with_progress(self.app, scope, receive, send)
        elif kind is RequestKind.UPLOAD:
            await self._with_progress(self._upload, scope, receive, send)
        else:
            limit = MAX_FRAME_JSON_BYTES if kind is RequestKind.FRAME else MAX_JSON_BYTES
            length = bodies.length_of(scope, limit)
            with self.memory.reserve(clients.client_of(scope), length):
                body = await bodies.read(receive, length)
                if kind is RequestKind.FRAME:
                    self._hand_over(name, body)
                else:
                    rebuilt = json.dumps(self._rebuild(kind, name, body, scope)).encode()
            if kind is RequestKind.FRAME:
                await JSONResponse(FRAME_ANSWER)(scope, receive, send)
            else:
                await self._send_on(rebuilt, scope, receive, send)

    def _check_session_exists(self, scope: Scope) -> None:
        """Refuse to listen to a session without events, which Gradio reports as its own error."""
        if not scope["path"].startswith(f"{routes.PREFIX}/queue/data"):
            return
        session = parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [""])[-1]
        if session not in self.queue.pending_messages_per_session:
            raise BodyError(404, "Expected a session with an event, got another; try again.")

    async def _with_progress(
        self, app: ASGIApp, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Pass a request on; an upload that it names is forgotten later."""
        upload_id = upload_progress.upload_id_of(scope)
        try:
            await app(scope, receive, send)
        finally:
            if upload_id is not None:
                upload_progress.forget_later(upload_id)

    async def _upload(self, scope: Scope, receive: Receive, send: Send) -> None:
        length = bodies.length_of(scope, self.max_upload_bytes)
        client = clients.client_of(scope)
        on_disk = await asyncio.to_thread(uploads.stored_bytes)
        answer: list[Message] = []
        paths: list[str] = []
        received = 0
        receive_in_time = bodies.timed(receive, length)

        async def collect(message: Message) -> None:
            answer.append(message)

        async def receive_and_count() -> Message:
            nonlocal received
            message = await receive_in_time()
            received += len(message.get("body", b""))
            return message

        with self.disk.reserve(client, length, on_disk, self.stored.bytes_of(client)):
            try:
                await self.app(scope, receive_and_count, collect)
            except BodyError:
                raise
            except OSError as error:
                raise BodyError(507, "Expected room on the disk; try again later.") from error
            except Exception as error:
                # Gradio's parser fails in many ways on what is no form. What it says may quote it.
                raise BodyError(400, "Expected a form with files; try to upload again.") from error
            finally:
                if answer and answer[0]["status"] == 200:
                    paths = json.loads(b"".join(m.get("body", b"") for m in answer[1:]))
                    self.stored.add(client, paths)
                # Uploads that broke off, and what a form has beside files, lie there for a while.
                nameless = received - uploads.total_bytes(map(Path, paths))
                if nameless > 0:
                    self.disk.hold(client, nameless, uploads.PARTIAL_MAX_AGE_SECONDS)
        for message in answer:
            await send(message)

    async def _send_on(self, body: bytes, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with another body."""
        headers = [(k, v) for k, v in scope["headers"] if k not in _BODY_HEADERS]
        headers += [
            (b"content-length", str(len(body)).encode()),
            (b"content-type", b"application/json"),
        ]
        is_sent = False

        async def receive_body() -> Message:
            nonlocal is_sent
            if is_sent:
                return await receive()
            is_sent = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app({**scope, "headers": headers}, receive_body, send)

    def _hand_over(self, event_id: str, body: bytes) -> None:
        """Give a frame to the stream that waits for it.

        Gradio's route does the same, but after its router, a second parser and pydantic.

        Raises:
            BodyError: There is no such stream.
            DataError: The body is not what the page sends.
        """
        event = self.queue.event_ids_to_events.get(event_id)
        if event is None or not event.streaming or event.data is None:
            raise BodyError(404, "Expected a live stream that runs, got another; try again.")
        request = payloads.parse(body)
        payloads.session_of(request)
        values = payloads.values_of(request, event.fn.inputs)
        trigger = payloads.number_of(request, "trigger_id")
        # A new object: its age is the stream's (`streams`).
        event.data = event.data.model_copy(
            update={"data": values, "trigger_id": trigger, "event_id": None}
        )
        event.signal.set()

    def _rebuild(self, kind: RequestKind, name: str, body: bytes, scope: Scope) -> JsonObject:
        """Return what Gradio gets in place of a body.

        Raises:
            BodyError: There is no such function or event, or the client has enough of them.
            DataError: The body is not what the page sends.
        """
        if kind is RequestKind.EMPTY:
            return {"event_id": ""}
        request = payloads.parse(body)
        session = payloads.session_of(request)
        if kind is RequestKind.CANCEL:
            event_id = request.get("event_id")
            return {
                "session_hash": session or "",
                "fn_index": payloads.number_of(request, "fn_index") or 0,
                "event_id": event_id if isinstance(event_id, str) else "",
            }
        number, function = self._function(kind, name, request)
        client = clients.client_of(scope)
        clients.check_room(self.queue.event_ids_to_events.values(), function, client, session)
        return {
            "data": payloads.values_of(request, function.inputs),
            "fn_index": number,
            "session_hash": session,
            "trigger_id": payloads.number_of(request, "trigger_id"),
        }

    def _function(
        self, kind: RequestKind, name: str, request: JsonObject
    ) -> tuple[int, BlockFunction]:
        """Return the function that Gradio will call.

        For a `CALL` it looks at the name in the address alone. Otherwise the number in the body
        decides; the page sends it to `run/predict`, whatever the function is called.
        """
        asked = None if kind is RequestKind.CALL else payloads.number_of(request, "fn_index")
        for number, function in self.functions.items():
            if number == asked or (asked is None and name and function.api_name == name):
                return number, function
        raise BodyError(404, "Expected a function of the demo, got another; try `/predict`.")
