"""The demo's server: started with everything off that would store, count or call home."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import gradio as gr
from starlette.middleware import Middleware

from apps.webcam import uploads
from apps.webcam.decoding.limits import VIDEO_LIMITS
from apps.webcam.monitoring import prometheus
from apps.webcam.monitoring.monitor import Monitor
from apps.webcam.options import MonitoringOptions
from apps.webcam.page import build
from apps.webcam.serving import connections, hosts, housekeeping, outbound
from apps.webcam.serving.gradio_private import poll_less, queue_of
from apps.webcam.serving.hosts import HostMiddleware
from apps.webcam.serving.metrics import MetricsMiddleware
from apps.webcam.serving.readiness import ReadyMiddleware
from apps.webcam.serving.requests import RequestMiddleware
from apps.webcam.serving.stored_uploads import StoredUploads
from apps.webcam.ui import privacy
from core import system
from core.pipeline import Pipeline

NOT_MONITORED = MonitoringOptions()
UI_FOLDER = Path(__file__).parent / "ui"
MAX_SESSIONS = 100
"""Visitors whose smoothed values are kept; the one idle for longest is dropped first."""
MAX_QUEUED_EVENTS = 100
DEFAULT_CONCURRENCY = 4
M_ARENA_MAX = -8
"""Option of glibc's mallopt (malloc.h): the number of heaps that threads share."""


LAUNCH_OPTIONS: dict[str, Any] = {
    "share": False,
    "show_error": False,
    "quiet": False,
    "prevent_thread_lock": True,
    "inbrowser": False,
    "run_history": False,
    "enable_monitoring": False,
    "footer_links": [],
    "ssr_mode": False,
    "pwa": False,
    "mcp_server": False,
    "allowed_paths": [],
}
"""Gradio's options that never change: nothing leaves the machine, no frame is kept in a browser,
and no file but the page's own is served.
"""


def theme() -> gr.themes.Base:
    """Return a theme with system fonts; Gradio's own themes download theirs."""
    fonts = [
        "system-ui",
        "-apple-system",
        "Segoe UI",
        "Roboto",
        "Helvetica Neue",
        "Arial",
        "sans-serif",
    ]
    soft = gr.themes.Soft(
        primary_hue="indigo",
        neutral_hue="slate",
        font=fonts,
        font_mono=["ui-monospace", "Consolas", "monospace"],
    ).set(  # more contrast than Soft has: 4.5:1 at least
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        block_label_text_color="*primary_800",
        block_title_text_color="*primary_800",
        color_accent="*primary_600",
    )
    vars(soft)["color_accent_dark"] = "*primary_400"  # no argument of `set`
    return soft


def limit_malloc_arenas(count: int) -> bool:
    """Make all threads share `count` heaps, and return whether the C library could (glibc can).

    Gradio starts and ends up to 40 threads. By default each has a heap of its own, which keeps the
    memory of the largest image that it held: 45 MB for a photograph.
    """
    try:
        is_set: bool = ctypes.CDLL(None).mallopt(M_ARENA_MAX, count) == 1
    except (AttributeError, OSError, TypeError):  # another C library
        return False
    return is_set


def serve(
    model: Path,
    host: str,
    port: int,
    *,
    is_trusted: bool = False,
    allowed_hosts: Sequence[str] = (),
    max_stream_seconds: int | None = None,
    monitoring: MonitoringOptions = NOT_MONITORED,
    note_host: Callable[[str], object] | None = None,
) -> None:
    """Load the model and serve the page until the server ends; the process makes no connections.

    Args:
        model: Model file or folder, or an ensemble's folder.
        host: Address to listen on.
        port: Port to listen on.
        is_trusted: Open a model with operators or sizes that are not allowed, too.
        allowed_hosts: Further names that requests may come by; see `serving.hosts`.
        max_stream_seconds: Longest live stream of a visitor; None for no limit.
        monitoring: What is counted.
        note_host: Called with every host that the process asks for in vain while it serves.

    Raises:
        UserError: There is no model, or it cannot be read; the counts cannot be written.
        OSError: The port is taken.
    """
    _prepare_process()
    pipeline = Pipeline(model, is_trusted=is_trusted)
    print(f"Face detector: {pipeline.about_detector}", flush=True)
    monitor = Monitor.started(pipeline.predictor.card, monitoring)
    place = privacy.place(host, allowed_hosts, os.environ)
    page = build(pipeline, max_stream_seconds, monitor, place)
    page.queue(
        max_size=MAX_QUEUED_EVENTS,
        default_concurrency_limit=DEFAULT_CONCURRENCY,
        api_open=False,  # nobody passes the queue by
    )
    poll_less(queue_of(page))
    max_upload_bytes = VIDEO_LIMITS.max_bytes + 2**20
    stored = StoredUploads(page)
    is_ready = threading.Event()
    page.launch(
        server_name=host,
        server_port=port,
        theme=theme(),
        css_paths=UI_FOLDER / "style.css",
        head=_scripts(),
        max_file_size=max_upload_bytes,
        state_session_capacity=MAX_SESSIONS,
        **LAUNCH_OPTIONS,
        app_kwargs={
            "lifespan": housekeeping.lifespan(page, stored),
            "middleware": [
                Middleware(ReadyMiddleware, is_ready=is_ready),
                Middleware(HostMiddleware, hosts=hosts.allowed_hosts(host, allowed_hosts)),
                *_metrics(monitor if monitoring.metrics else None),
                Middleware(
                    RequestMiddleware, page=page, stored=stored, max_upload_bytes=max_upload_bytes
                ),
            ],
        },
    )
    connections.limit(page)
    outbound.forbid(note_host)
    is_ready.set()
    page.block_thread()


def _prepare_process() -> None:
    """Set what holds for the whole process: threads, memory, the folder of uploads."""
    limit_malloc_arenas(system.usable_processors())
    uploads.upload_folder()  # before any component, as each remembers the folder
    # Many visitors on few cores: with two threads a frame takes 18 ms instead of 12.
    cv2.setNumThreads(1)


def _scripts() -> str:
    """Return the page's scripts as HTML, in the order of their names."""
    return "".join(
        f"<script>{path.read_text('utf-8')}</script>"
        for path in sorted((UI_FOLDER / "scripts").glob("*.js"))
    )


def _metrics(monitor: Monitor | None) -> list[Middleware]:
    """Return what serves the counts of a monitor; nothing without one."""
    if monitor is None:
        return []
    return [
        Middleware(MetricsMiddleware, text=monitor.metrics, content_type=prometheus.CONTENT_TYPE)
    ]
