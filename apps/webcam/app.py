"""The pages: which component stands where and which function answers it. `python -m apps.webcam`,
or this file, as Spaces start it.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

if (
    __name__ == "__main__"
    # started as a file: the root takes this folder's place on the path, so that `core` and `apps` are
    # found
):
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    from apps.webcam.__main__ import main

    sys.exit(main())

import gradio as gr

from apps.webcam.tabs import image as still
from apps.webcam.tabs import video, webcam
from apps.webcam.ui import panel, texts
from core.errors import UserError
from core.pipeline import Pipeline

HERE = Path(__file__).parent
VISITORS = 8
"""Live streams at once; more wait for their turn. Two cores give eight visitors about 5 frames/s
each.
"""
CAMERA = {
    "video": {
        "width": {"ideal": 640},
        "height": {"ideal": 480},
        "frameRate": {"ideal": 30},
        "facingMode": "user",
    },
    "audio": False,
}

RAW: dict[str, Any] = {"preprocess": False, "postprocess": False}
"""Pictures pass Gradio unread; see `apps.webcam.image_io`."""
OURS: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
"""Only `predict` is an API."""


def build(pipeline: Pipeline, live_seconds: int | None = None) -> gr.Blocks:
    """The whole app. `live_seconds`: a visitor's longest stream, None for no limit (a public demo
    lets the next one have a turn).
    """
    with gr.Blocks(
        title="Mien", analytics_enabled=False, delete_cache=(60, 1800), fill_width=True
    ) as demo:
        gr.HTML(texts.header(pipeline.predictor.card), padding=False)
        with gr.Tabs():
            with gr.Tab("Webcam", id="webcam"):
                _webcam(pipeline, live_seconds)
            with gr.Tab("Image", id="image"):
                _image(pipeline)
            with gr.Tab("Video", id="video"):
                _video(pipeline)
            with gr.Tab("About", id="about"):
                gr.Markdown(texts.about(pipeline), elem_id="mien-about")
        _api(pipeline)
        _forget_on_leaving(demo)
    return demo


def _webcam(pipeline: Pipeline, live_seconds: int | None) -> None:
    with gr.Row():
        with gr.Column(scale=3, min_width=320):
            # The same component shows the answer: the mirror image turns into the annotated one,
            # and Stop stays at hand.
            camera = gr.Image(
                sources=["webcam"],
                streaming=True,
                show_label=False,
                buttons=["fullscreen"],
                elem_id="mien-camera",
                label="Camera",
                webcam_options=gr.WebcamOptions(mirror=True, constraints=CAMERA),
                alt_text="Your camera with readings",
            )
            gr.Markdown(texts.PRIVACY, elem_classes="mien-privacy")
        with gr.Column(scale=2, min_width=300):
            cards = gr.HTML(panel.steps(texts.STEPS), padding=False, elem_id="mien-live")
    readout = gr.HTML(padding=False, elem_id="mien-live-readout")
    gr.HTML(texts.status(pipeline), padding=False)
    visitor = gr.State(webcam.Visitor())  # each visitor gets a copy
    camera.stream(
        partial(webcam.step, pipeline),
        [camera, visitor],
        [camera, cards, readout],
        stream_every=0.07,
        time_limit=live_seconds,
        concurrency_limit=VISITORS,
        **RAW,
        **OURS,
    )


def _image(pipeline: Pipeline) -> None:
    with gr.Row():
        with gr.Column(scale=3, min_width=320):
            picture = gr.Image(
                sources=["upload", "clipboard"],
                show_label=False,
                buttons=["fullscreen"],
                elem_id="mien-picture",
                label="Picture",
                alt_text="Your picture with readings",
                placeholder="Drop a picture here, paste one, or click to choose",
            )
            gr.Markdown(texts.UPLOADS, elem_classes="mien-privacy")
            examples = gr.Dataset(
                components=[gr.Image(render=False)],
                samples=[[str(p)] for p in still.EXAMPLES],
                type="index",
                label="Or try an example",
            )
            readout = gr.HTML(padding=False)
        with gr.Column(scale=2, min_width=300):
            cards = gr.HTML(
                panel.note("Readings appear here, one card per face."),
                padding=False,
                elem_id="mien-image",
            )
    outputs = [picture, cards, readout]
    picture.upload(
        partial(still.upload, pipeline),
        picture,
        outputs,
        concurrency_limit=2,
        concurrency_id="still",
        **RAW,
        **OURS,
    )
    examples.click(
        partial(still.example, pipeline),
        examples,
        outputs,
        concurrency_limit=2,
        concurrency_id="still",
        postprocess=False,
        **OURS,
    )
    picture.clear(
        lambda: (panel.note("Readings appear here, one card per face."), ""),
        None,
        [cards, readout],
        **OURS,
    )


def _video(pipeline: Pipeline) -> None:
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            source = gr.File(
                label="Video",
                file_types=["video"],
                file_count="single",
                type="filepath",
                elem_id="mien-video-in",
                height=150,
            )
            gr.Markdown(f"{video.TERMS} {texts.UPLOADS}", elem_classes="mien-privacy")
            status = gr.HTML(padding=False, elem_id="mien-video-status")
            stop = gr.Button("Stop", variant="stop", visible=False, size="sm")
            table = gr.DownloadButton(
                "Download the readings (CSV)", visible=False, elem_id="mien-video-csv"
            )
        with gr.Column(scale=3, min_width=320):
            result = gr.Video(
                label="Annotated video",
                show_label=False,
                interactive=False,
                visible=False,
                elem_id="mien-video-out",
                buttons=["download"],
            )
    timeline = gr.Plot(show_label=False, visible=False, elem_id="mien-video-plot")
    files = gr.State(video.Files())
    outputs = [source, status, stop, result, table, timeline]
    source.upload(
        partial(video.run, pipeline),
        [source, files],
        outputs,
        concurrency_limit=1,
        preprocess=False,
        **OURS,
    )
    stop.click(video.Files.stop, files, None, queue=False, **OURS)


def _api(pipeline: Pipeline) -> None:
    def predict(image: dict[str, Any] | None) -> list[dict[str, Any]]:
        """Reads every face of one picture.

        Returns a list of faces: box, score, landmarks, emotion, gender (perceived), age, band,
        uncertain (by task), abstained, timing_ms.
        """
        try:
            return still.as_json(pipeline, image)
        except UserError as error:
            raise gr.Error(str(error), title="Picture refused", print_exception=False) from error

    image, faces = gr.Image(visible=False, label="image"), gr.JSON(visible=False, label="faces")
    gr.Button(visible=False).click(
        predict,
        image,
        faces,
        api_name="predict",
        concurrency_limit=2,
        concurrency_id="still",
        preprocess=False,
    )


def _forget_on_leaving(demo: gr.Blocks) -> None:
    """Gradio keeps a session's last values for an hour in case it comes back; a last frame is a
    face, so they go when the page closes.
    """

    def forget(request: gr.Request) -> None:
        session = demo.state_holder.session_data.pop(request.session_hash or "", None)
        for value in session.state_data.values() if session else ():
            if isinstance(value, video.Files):
                value.delete()

    demo.unload(forget)
