"""The Video page's work: progress while it runs, then player, plot and table; files vanish with
their visitor.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import monotonic
from typing import Any

import gradio as gr

from apps.webcam import uploads
from apps.webcam.ui import panel, timeline
from apps.webcam.video_io import LIMITS, Moment, annotate
from core.errors import UserError
from core.pipeline import Pipeline

TERMS = (
    f"MP4, MOV, WebM, MKV or AVI; at most {LIMITS.seconds:.0f} seconds, {LIMITS.bytes >> 20} MB and 4K. "
    "Sound is neither read nor kept. One video is worked on at a time, so you may have to wait a little."
)
TELL_S = 0.4
"""How often the progress bar moves."""


class Files:
    """One visitor's result files, and their wish to stop. Deep copies start empty: Gradio copies
    the initial value for each visitor.
    """

    def __init__(self) -> None:
        self.folder: Path | None = None
        self.stopped = False

    def stop(self) -> None:
        """Ends the work at its next frame. The work itself says so then, last of all: an answer
        beside its stream, or Gradio's cancelling of that stream, may be lost or overtaken by a
        message that is under way.
        """
        self.stopped = True

    def fresh(self) -> Path:
        """An empty folder with an unguessable name; the one before is deleted."""
        self.delete()
        self.folder = uploads.private_folder() / secrets.token_urlsafe(24)
        self.folder.mkdir(parents=True, mode=0o700)
        return self.folder

    def delete(self) -> None:
        """Removes what there is."""
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)
        self.folder = None


def run(
    pipeline: Pipeline, payload: dict[str, Any] | None, files: Files
) -> Iterator[tuple[Any, ...]]:
    """Yields (source, status, stop, result, table, timeline): progress several times, the results
    last, or what went wrong.
    """
    hidden = (gr.update(value=None, visible=False),) * 3
    files.stopped = False
    try:
        source = uploads.uploaded((payload or {}).get("path") or "")
        yield (
            gr.skip(),
            panel.progress("Opening the video …", 0),
            gr.update(visible=True),
            *hidden,
        )
        moments: list[Moment] = []
        target = files.fresh() / "mien.mp4"
        try:
            with closing(annotate(source, target, pipeline)) as work:
                for text, done in _progress(work, moments):
                    if files.stopped:
                        break
                    yield (gr.skip(), panel.progress(text, done), *[gr.skip()] * 4)
        finally:
            uploads.forget(source, 1.0)
        if files.stopped:
            files.delete()
            yield (
                None,
                panel.note("Stopped. Nothing was kept."),
                gr.update(visible=False),
                *hidden,
            )
            return
        yield (
            None,
            _summary(moments),
            gr.update(visible=False),
            *_results(target, moments, pipeline),
        )
    except UserError as error:
        files.delete()
        yield (None, panel.problem(str(error)), gr.update(visible=False), *hidden)


def _progress(work: Iterator[Moment], moments: list[Moment]) -> Iterator[tuple[str, float]]:
    """Collects `work` in `moments`; says now and then how far it is."""
    start = told = monotonic()
    for moment in work:
        moments.append(moment)
        now = monotonic()
        if now - told >= TELL_S:
            told = now
            left = (now - start) * (1 - moment.done) / moment.done if moment.done > 0.02 else None
            rest = f", about {left:.0f} s left" if left is not None else ""
            yield (
                f"{moment.time:.1f} s of video read at {len(moments) / (now - start):.0f} frames/s{rest}",
                moment.done,
            )


def _results(target: Path, moments: list[Moment], pipeline: Pipeline) -> tuple[Any, Any, Any]:
    heads = [pipeline.predictor.card.head(task) for task in ("emotion", "gender")]
    table = target.with_suffix(".csv")
    table.write_text(
        timeline.to_csv(moments, *(head.labels if head else () for head in heads)), "utf-8"
    )
    figure = timeline.plot(moments)
    return (
        gr.update(value=str(target), visible=True),
        gr.update(value=str(table), visible=True),
        gr.update(value=figure, visible=figure is not None),
    )


def _summary(moments: list[Moment]) -> str:
    people = {f.id for m in moments for f in m.faces}
    if not people:
        return panel.note(f"No face found in {len(moments)} frames.")
    return panel.note(
        f"{len(moments)} frames read, {len(people)} face{'s' if len(people) > 1 else ''} followed."
    )
