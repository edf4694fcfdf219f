"""Starts the server with everything off that would store, count or call home."""

from __future__ import annotations

import ctypes
from pathlib import Path

import cv2
import gradio as gr

from apps.webcam import uploads
from apps.webcam.app import build
from apps.webcam.video_io import LIMITS
from core import system
from core.pipeline import Pipeline

HERE = Path(__file__).parent
SESSIONS = 100
"""Visitors whose settled numbers are remembered; the longest idle one is forgotten first."""


def theme() -> gr.themes.Base:
    """System fonts only: Gradio's own themes fetch theirs from elsewhere where they are not
    installed.
    """
    fonts = [
        "system-ui",
        "-apple-system",
        "Segoe UI",
        "Roboto",
        "Helvetica Neue",
        "Arial",
        "sans-serif",
    ]
    return gr.themes.Soft(
        primary_hue="indigo",
        neutral_hue="slate",
        font=fonts,
        font_mono=["ui-monospace", "Consolas", "monospace"],
    )


def few_arenas(most: int) -> bool:
    """Lets threads share `most` heaps, where the C library is glibc; says whether it did. Gradio's
    threads, up to 40, come and go, and each would have a heap that keeps what its largest picture
    took: 45 MB for a photo.
    """
    try:
        return ctypes.CDLL(None).mallopt(-8, most) == 1  # M_ARENA_MAX of malloc.h
    except (AttributeError, OSError, TypeError):  # another C library
        return False


def serve(
    model: Path, host: str, port: int, *, live_seconds: int | None = None, block: bool = True
) -> gr.Blocks:
    """Loads the model, opens the port and, with `block`, returns only when the server ends.

    Raises:
        UserError: no model.
        OSError: the port is taken.
    """
    few_arenas(system.usable_processors())
    uploads.private_folder()  # before any component is made: each remembers the folder
    cv2.setNumThreads(
        1
        # many visitors on few cores: two threads a frame cost each of them a third more (18 against 12
        # ms)
    )
    pipeline = Pipeline(model)
    print(f"Face detector: {pipeline.about_detector}", flush=True)
    demo = build(pipeline, live_seconds)
    demo.queue(max_size=100, default_concurrency_limit=4)
    demo.launch(
        server_name=host,
        server_port=port,
        share=False,
        show_error=False,
        quiet=False,
        prevent_thread_lock=True,
        inbrowser=False,
        theme=theme(),
        css_paths=HERE / "ui" / "style.css",
        head=f"<script>{(HERE / 'ui' / 'camera.js').read_text('utf-8')}</script>",
        run_history=False,
        enable_monitoring=False,
        footer_links=[],
        max_file_size=LIMITS.bytes + 2**20,
        state_session_capacity=SESSIONS,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        allowed_paths=[],
    )
    if block:
        demo.block_thread()
    return demo
