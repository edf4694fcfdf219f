"""An uploaded video: progress while it is processed, then player, plot and table.

The files are deleted when their visitor leaves.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple, TypedDict

import gradio as gr

from apps.webcam import uploads
from apps.webcam.decoding.limits import VIDEO_LIMITS
from apps.webcam.tracking.tracker import TrackedFrame
from apps.webcam.ui import panel, timeline
from apps.webcam.video_io import annotate
from core.errors import UserError
from core.pipeline import Pipeline

TERMS = (
    f"MP4, MOV, WebM, MKV or AVI; at most {VIDEO_LIMITS.max_seconds:.0f} seconds,"
    f" {VIDEO_LIMITS.max_bytes >> 20} MB and 4K. Sound is neither read nor kept."
    " One video is processed at a time, so you may have to wait a little."
)
PROGRESS_INTERVAL_SECONDS = 0.4
MIN_PROGRESS_FOR_ESTIMATE = 0.02
"""Below this share of the video no remaining time is shown."""
UPLOAD_DELETE_DELAY_SECONDS = 1.0
EXAMPLE = Path(__file__).parents[1] / "examples" / "clip.mp4"
"""Made by `scripts/demo_examples.py`."""


class FilePayload(TypedDict, total=False):
    """What Gradio sends for a file."""

    path: str | None


class VideoTabUpdate(NamedTuple):
    """New values of the tab's components, in the order of the listener's outputs."""

    source: Any
    status: Any
    stop: Any
    video: Any
    table: Any
    timeline: Any


class ResultFiles:
    """One visitor's result files, and whether they asked to stop.

    Deep copies start empty: Gradio copies the initial value for each visitor.
    """

    def __init__(self) -> None:
        self.folder: Path | None = None
        self.stop_requested = False

    def request_stop(self) -> None:
        """End the work at its next frame.

        The listener that does the work reports the end itself. A separate update beside its stream,
        or Gradio's cancelling of that stream, can be lost or overtaken by a message under way.
        """
        self.stop_requested = True

    def new_folder(self) -> Path:
        """Delete the folder before and return an empty one with an unguessable name."""
        self.delete()
        self.folder = uploads.upload_folder() / secrets.token_urlsafe(24)
        self.folder.mkdir(parents=True, mode=0o700)
        return self.folder

    def delete(self) -> None:
        """Delete the folder, if there is one."""
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)
        self.folder = None


def process_video(
    pipeline: Pipeline, payload: FilePayload | None, results: ResultFiles
) -> Iterator[VideoTabUpdate]:
    """Yield progress, then the results, or what went wrong; the upload is deleted."""
    try:
        source = uploads.resolve_upload((payload or {}).get("path") or "")
    except UserError as error:
        results.delete()
        yield _finished(panel.problem(str(error)))
        return
    try:
        yield from _process(pipeline, source, results)
    finally:
        uploads.delete_later(source, UPLOAD_DELETE_DELAY_SECONDS)


def process_example(pipeline: Pipeline, results: ResultFiles) -> Iterator[VideoTabUpdate]:
    """Yield progress, then the results of the example."""
    yield from _process(pipeline, EXAMPLE, results)


def _process(pipeline: Pipeline, source: Path, results: ResultFiles) -> Iterator[VideoTabUpdate]:
    results.stop_requested = False
    try:
        yield _in_progress("Opening the video …", 0)._replace(
            stop=gr.update(visible=True), video=_hidden(), table=_hidden(), timeline=_hidden()
        )
        frames: list[TrackedFrame] = []
        target = results.new_folder() / "mien.mp4"
        with closing(annotate(source, target, pipeline)) as work:
            for text, progress in _collect(work, frames):
                if results.stop_requested:
                    break
                yield _in_progress(text, progress)
        if results.stop_requested:
            results.delete()
            yield _finished(panel.note("Stopped. Nothing was kept."))
            return
        yield _with_results(target, frames, pipeline)
    except FileNotFoundError:
        if results.folder is not None:  # else the visitor left, and the files with them
            raise
    except UserError as error:
        results.delete()
        yield _finished(panel.problem(str(error)))


def _collect(
    work: Generator[TrackedFrame], frames: list[TrackedFrame]
) -> Iterator[tuple[str, float]]:
    """Append what `work` yields to `frames`; yield progress, text and share, now and then."""
    start = last_report = monotonic()
    for frame in work:
        frames.append(frame)
        now = monotonic()
        if now - last_report < PROGRESS_INTERVAL_SECONDS:
            continue
        last_report = now
        remaining = ""
        if frame.progress > MIN_PROGRESS_FOR_ESTIMATE:
            seconds = (now - start) * (1 - frame.progress) / frame.progress
            remaining = f", about {seconds:.0f} s left"
        rate = len(frames) / (now - start)
        text = f"{frame.time:.1f} s of video processed at {rate:.0f} frames/s{remaining}"
        yield text, frame.progress


def _hidden() -> Any:
    return gr.update(value=None, visible=False)


def _in_progress(text: str, progress: float) -> VideoTabUpdate:
    status = panel.progress(text, progress)
    return VideoTabUpdate(gr.skip(), status, gr.skip(), gr.skip(), gr.skip(), gr.skip())


def _finished(status: str) -> VideoTabUpdate:
    """Return the update that ends the work without results."""
    return VideoTabUpdate(None, status, gr.update(visible=False), _hidden(), _hidden(), _hidden())


def _with_results(target: Path, frames: list[TrackedFrame], pipeline: Pipeline) -> VideoTabUpdate:
    emotions, genders = (
        head.labels if head else ()
        for head in map(pipeline.predictor.card.head, ("emotion", "gender"))
    )
    table = target.with_suffix(".csv")
    table.write_text(timeline.to_csv(frames, emotions, genders), "utf-8")
    figure = timeline.plot(frames)
    return _finished(_summary(frames))._replace(
        video=gr.update(value=str(target), visible=True),
        table=gr.update(value=str(table), visible=True),
        timeline=gr.update(value=figure, visible=figure is not None),
    )


def _summary(frames: list[TrackedFrame]) -> str:
    ids = {face.id for frame in frames for face in frame.faces}
    if not ids:
        return panel.note(f"No face found in {len(frames)} frames.")
    faces = f"{len(ids)} face{'s' if len(ids) > 1 else ''}"
    return panel.note(f"{len(frames)} frames processed, {faces} tracked.")
