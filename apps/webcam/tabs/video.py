"""An uploaded video: progress while it is read, then player, plot and tables.

A visitor may stop: what was read is shown, and they can go on. The files are deleted when they
leave.
"""

from __future__ import annotations

import shutil
import traceback
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

import gradio as gr

from apps.webcam import uploads
from apps.webcam.decoding.joining import Sound, what_was_lost
from apps.webcam.decoding.limits import VIDEO_LIMITS
from apps.webcam.monitoring.monitor import Monitor
from apps.webcam.monitoring.settled_faces import SettledFaces
from apps.webcam.ui import panel, texts, timeline
from apps.webcam.videos import progress, results
from apps.webcam.videos.annotation import Annotation
from apps.webcam.videos.writing import ProgramEndsError
from core.errors import UserError
from core.pipeline import Pipeline
from core.vocabulary import count_of

TERMS = (
    f"MP4, MOV, WebM, MKV or AVI; at most {VIDEO_LIMITS.max_seconds:.0f} seconds,"
    f" {VIDEO_LIMITS.max_bytes >> 20} MB and 4K. Sound is not read; AAC, MP3 and Opus are kept."
    " One video is read at a time, so you may have to wait a little. A video that you stop stays on"
    " the server, for at most half an hour, so that you can go on."
)
UPLOAD_DELETE_DELAY_SECONDS = 1.0
EXAMPLE = Path(__file__).parents[1] / "examples" / "clip.mp4"
"""Made by `scripts/demo_examples.py`."""
DOWNLOADS = (("Table (CSV)", "csv"), ("Captions (WebVTT)", "vtt"), ("All values (JSON)", "json"))
RESULT_PREFIX = "mien-"
"""Prefix of the files that a visitor gets; all others serve to go on."""
NOTHING_TO_GO_ON = "That video is no longer here; choose it again."
RESULTS = ("video", "table", "captions", "values", "timeline")
"""Components that are hidden while a video is read."""


class FilePayload(TypedDict, total=False):
    """What Gradio sends for a file."""

    path: str | None


class VideoTabUpdate(NamedTuple):
    """The components of the tab, or their new values, in the order of the listener's outputs."""

    source: Any
    status: Any
    stop: Any
    go_on: Any
    video: Any
    table: Any
    captions: Any
    values: Any
    timeline: Any


class VisitorVideo:
    """One visitor's video: the work on it, its files, and whether they asked to stop.

    Deep copies start empty: Gradio copies the initial value for each visitor.
    """

    def __init__(self) -> None:
        self.folder: Path | None = None
        self.work: Annotation | None = None
        self.stop_requested = False

    def request_stop(self) -> None:
        """Stop the work at its next frame.

        The listener that does the work reports the end itself. A separate update beside its stream,
        or Gradio's cancelling of that stream, can be lost or overtaken by a message under way.
        """
        self.stop_requested = True

    def begin(
        self, source: Path, pipeline: Pipeline, client: str, monitor: Monitor | None
    ) -> Annotation:
        """Delete what was before, and return the work on a video.

        Args:
            source: The video; the work has its own link to it, so that it can go on later.
            pipeline: Reads the faces.
            client: For whom its files count, see `serving.clients.client_of`.
            monitor: Counts the faces; None where they are not counted.

        Raises:
            UserError: The client's files fill the disk that one client may have.
            FileNotFoundError: The video is not there any more.
        """
        self.delete()
        self.folder = uploads.new_results_folder(client)
        kept = self.folder / f"source{source.suffix}"
        try:
            kept.hardlink_to(source)
        except OSError:  # another file system: the example
            shutil.copyfile(source, kept)
        count = partial(monitor.count_video, SettledFaces()) if monitor else None
        self.work = Annotation(kept, self.folder, pipeline, count=count)
        return self.work

    def delete_results(self) -> None:
        """Delete what the visitor got, before it is made again from more frames."""
        for file in self.folder.glob(f"{RESULT_PREFIX}*") if self.folder else ():
            file.unlink(missing_ok=True)

    def keep_only_results(self) -> None:
        """Delete the video and all else that serves to go on, also the readings in memory."""
        self.work = None
        for file in self.folder.iterdir() if self.folder else ():
            if not file.name.startswith(RESULT_PREFIX):
                file.unlink(missing_ok=True)

    def delete(self) -> None:
        """Delete the files, if there are any."""
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)
        self.folder = self.work = None


def process_video(
    pipeline: Pipeline,
    payload: FilePayload | None,
    visitor: VisitorVideo,
    client: str,
    monitor: Monitor | None = None,
) -> Iterator[VideoTabUpdate]:
    """Yield progress, then the results, or what went wrong; the upload is deleted."""
    try:
        source = uploads.resolve_upload((payload or {}).get("path") or "")
    except UserError as error:
        visitor.delete()
        yield _finished(panel.problem(str(error)))
        return
    try:
        yield from _process(pipeline, source, visitor, client, monitor)
    finally:
        uploads.delete_later(source, UPLOAD_DELETE_DELAY_SECONDS)


def process_example(
    pipeline: Pipeline, visitor: VisitorVideo, client: str
) -> Iterator[VideoTabUpdate]:
    """Yield progress, then the results of the example, whose faces are not counted."""
    yield from _process(pipeline, EXAMPLE, visitor, client, None)


def go_on(pipeline: Pipeline, visitor: VisitorVideo) -> Iterator[VideoTabUpdate]:
    """Yield progress, then the results of a video that was stopped."""
    if visitor.work is None or not visitor.work.source.exists():  # deleted meanwhile
        yield _finished(panel.note(NOTHING_TO_GO_ON))
        return
    yield from _run(pipeline, visitor.work, visitor)


def _process(
    pipeline: Pipeline,
    source: Path,
    visitor: VisitorVideo,
    client: str,
    monitor: Monitor | None,
) -> Iterator[VideoTabUpdate]:
    try:
        work = visitor.begin(source, pipeline, client, monitor)
    except UserError as error:
        yield _finished(panel.problem(str(error)))
        return
    except FileNotFoundError:
        visitor.delete()
        yield _finished(panel.problem("Expected the upload to be there; try to upload it again."))
        return
    except Exception:
        yield _failed(visitor)
        return
    yield from _run(pipeline, work, visitor)


def _run(pipeline: Pipeline, work: Annotation, visitor: VisitorVideo) -> Iterator[VideoTabUpdate]:
    """Read a visitor's video from where it stopped, and yield what the tab shows meanwhile."""
    visitor.stop_requested = False
    try:
        yield _in_progress("Opening the video …", 0)._replace(
            stop=gr.update(visible=True),
            go_on=gr.update(visible=False),
            **{name: _hidden() for name in RESULTS},
        )
        visitor.delete_results()
        with closing(work.go_on()) as frames:
            for text, share in progress.of_frames(frames):
                if visitor.stop_requested:
                    break
                yield _in_progress(text, share)
        if not work.frames:
            visitor.delete()
            yield _finished(panel.note("Stopped before the first frame."))
            return
        update = _with_results(work, pipeline)
        if work.is_complete:
            visitor.keep_only_results()
        yield update
    except FileNotFoundError:
        if visitor.folder is not None:  # else the visitor left, and the files with them
            yield _failed(visitor)
    except UserError as error:
        visitor.delete()
        yield _finished(panel.problem(str(error)))
    except ProgramEndsError:  # whoever stopped the server knows; the page says that it is gone
        visitor.delete()
    except Exception:
        yield _failed(visitor)


def _hidden() -> Any:
    return gr.update(value=None, visible=False)


def _in_progress(text: str, share: float | None) -> VideoTabUpdate:
    unchanged = VideoTabUpdate(*[gr.skip()] * len(VideoTabUpdate._fields))
    return unchanged._replace(status=panel.progress(text, share))


def _finished(status: str) -> VideoTabUpdate:
    """Return the update that ends the work without results."""
    off = gr.update(visible=False)
    hidden = {name: _hidden() for name in RESULTS}
    return VideoTabUpdate(source=None, status=status, stop=off, go_on=off, **hidden)


def _failed(visitor: VisitorVideo) -> VideoTabUpdate:
    """Return the update that ends the work after a fault of ours, such as a full disk.

    Whoever runs the server gets the error that is being handled, the page a sentence.
    """
    traceback.print_exc()
    visitor.delete()
    return _finished(panel.problem(texts.SERVER_FAULT))


def _with_results(work: Annotation, pipeline: Pipeline) -> VideoTabUpdate:
    """Write the results of what was read so far, and return what shows them."""
    folder, card = work.source.parent, pipeline.predictor.card
    # A new name each time: players keep what they loaded under the old one.
    video = folder / f"{RESULT_PREFIX}{len(work.frames)}.mp4"
    sound = work.write(video)
    files = {
        "table": (
            ".csv",
            timeline.to_csv(work.frames, card.labels("emotion"), card.labels("gender")),
        ),
        "captions": (".vtt", results.to_vtt(work.frames)),
        "values": (".json", results.to_json(work.frames)),
    }
    shown = {"video": gr.update(value=str(video), visible=True)}
    for name, (suffix, text) in files.items():
        file = video.with_suffix(suffix)
        file.write_text(text, "utf-8")
        shown[name] = gr.update(value=str(file), visible=True)
    figure = timeline.plot(work.frames)
    shown["timeline"] = gr.update(value=figure, visible=figure is not None)
    return _finished(panel.note(_summary(work, sound)))._replace(
        go_on=gr.update(visible=not work.is_complete), **shown
    )


def _summary(work: Annotation, sound: Sound | None) -> str:
    ids = {face.id for frame in work.frames for face in frame.faces}
    count = f"{count_of(len(work.frames), 'frame')} read"
    faces = f"{count_of(len(ids), 'face')} tracked" if ids else "no face found"
    sentences = [f"{count}, {faces}."]
    if not work.is_complete:
        sentences.insert(0, f"Stopped at {work.read_s:.1f} s.")
    sentences.append(what_was_lost(sound))
    return " ".join(filter(None, sentences))
