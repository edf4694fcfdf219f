"""The Gradio page: which component stands where, and which function handles its events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import gradio as gr

from apps.webcam.image_io import ImagePayload
from apps.webcam.monitoring.monitor import Monitor
from apps.webcam.serving.clients import client_of_event
from apps.webcam.tabs import image, video, webcam
from apps.webcam.ui import camera_states, panel, privacy, texts
from apps.webcam.ui.privacy import Place
from core.errors import UserError
from core.pipeline import Pipeline

MAX_LIVE_STREAMS = 8
"""Visitors whose cameras are read at once; others wait. docs/demo.md has their frame rate."""
MAX_IMAGES_AT_ONCE = 2
STREAM_INTERVAL_SECONDS = 0.07
"""Time between two frames that a visitor's browser sends."""
CACHE_CHECK_SECONDS, CACHE_MAX_AGE_SECONDS = 60, 1800
"""How often Gradio looks for old result files, and how old they may get."""

RAW: dict[str, Any] = {"preprocess": False, "postprocess": False}
"""Listener options: images pass Gradio undecoded; see `apps.webcam.image_io`."""
PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
"""Listener options: only `predict` is part of the public API."""


def build(
    pipeline: Pipeline,
    max_stream_seconds: int | None = None,
    monitor: Monitor | None = None,
    place: Place = "elsewhere",
) -> gr.Blocks:
    """Return the page with its tabs and the API.

    Args:
        pipeline: Serves all visitors.
        max_stream_seconds: Longest live stream of a visitor; None for no limit. A public demo
            limits it so that the next visitor gets a turn.
        monitor: Counts faces; None where nothing is counted. The page says so.
        place: Where the demo runs. The page says where pictures go.
    """
    page = gr.Blocks(
        title="Mien",
        analytics_enabled=False,
        delete_cache=(CACHE_CHECK_SECONDS, CACHE_MAX_AGE_SECONDS),
        fill_width=True,
    )
    with page:
        gr.HTML(texts.HEADER, padding=False)
        gr.HTML(texts.PLACE_IN_QUEUE, padding=False)
        if monitor is not None:
            gr.Markdown(texts.COUNTED, elem_classes="mien-privacy", elem_id="mien-counted")
        with gr.Tabs():
            with gr.Tab("Webcam", id="webcam"):
                _webcam_tab(pipeline, max_stream_seconds, monitor, place)
            with gr.Tab("Image", id="image"):
                _image_tab(pipeline, monitor, place)
            with gr.Tab("Video", id="video"):
                _video_tab(pipeline, monitor, place)
            with gr.Tab("About", id="about"):
                gr.Markdown(texts.about(pipeline, MAX_IMAGES_AT_ONCE), elem_id="mien-about")
        _api(pipeline, monitor)
        _delete_session_on_unload(page)
    return page


def _webcam_tab(
    pipeline: Pipeline, max_stream_seconds: int | None, monitor: Monitor | None, place: Place
) -> None:
    with gr.Row():
        with gr.Column(scale=3, min_width=320):
            with gr.Column(elem_id="mien-stage"):
                # One component takes the frames and shows the annotated ones, so that nothing
                # moves when the camera starts. `ui/scripts` opens the camera and mirrors.
                camera = gr.Image(
                    sources=["webcam"],
                    streaming=True,
                    show_label=False,
                    buttons=[],
                    elem_id="mien-camera",
                    label="Camera",
                    webcam_options=gr.WebcamOptions(mirror=True),
                    alt_text="Your camera with predictions",
                )
                gr.HTML(camera_states.start_panel(), padding=False)
                gr.HTML(camera_states.toolbar(), padding=False)
            gr.Markdown(privacy.camera_text(place), elem_classes="mien-privacy")
        with gr.Column(scale=2, min_width=300):
            cards = gr.HTML(panel.note(texts.NO_FACE_YET), padding=False, elem_id="mien-live")
    with gr.Accordion("Details", open=False):
        readout = gr.HTML(padding=False, elem_id="mien-live-readout")
        gr.HTML(texts.technical_details(pipeline), padding=False)
    visitor = gr.State(webcam.VisitorState())  # each visitor gets a copy
    camera.stream(
        partial(webcam.process_frame, pipeline, monitor=monitor),
        [camera, visitor],
        [camera, cards, readout],
        stream_every=STREAM_INTERVAL_SECONDS,
        time_limit=max_stream_seconds,
        concurrency_limit=MAX_LIVE_STREAMS,
        **RAW,
        **PRIVATE,
    )


def _image_tab(pipeline: Pipeline, monitor: Monitor | None, place: Place) -> None:
    picture, cards, examples, readout = _image_components(place)
    outputs = [picture, cards, readout]
    for new_image in (picture.upload, examples.click):
        # In the browser, at once: the cards of the image before would stand beside the new one.
        new_image(
            None,
            None,
            [cards, readout],
            js=_values(panel.note(texts.READING_IMAGE), ""),
            **PRIVATE,
        )
    shared_queue: dict[str, Any] = {
        "concurrency_limit": MAX_IMAGES_AT_ONCE,
        "concurrency_id": "image",
    }
    picture.upload(
        partial(image.process_upload, pipeline, monitor=monitor),
        picture,
        outputs,
        **shared_queue,
        **RAW,
        **PRIVATE,
    )
    examples.click(
        partial(image.process_example, pipeline),
        examples,
        outputs,
        postprocess=False,
        **shared_queue,
        **PRIVATE,
    )
    picture.clear(lambda: (panel.note(texts.NO_IMAGE_YET), ""), None, [cards, readout], **PRIVATE)


def _image_components(place: Place) -> tuple[gr.Image, gr.HTML, gr.Dataset, gr.HTML]:
    """Draw the tab and return its picture, the cards of the faces, the examples and the details."""
    with gr.Row():
        with gr.Column(scale=3, min_width=320):
            picture = gr.Image(
                sources=["upload", "clipboard"],
                show_label=False,
                buttons=["fullscreen"],
                elem_id="mien-picture",
                label="Image",
                alt_text="Your image with predictions",
                placeholder="Drop an image here, paste one, or click to choose",
            )
            gr.Markdown(privacy.uploads_text(place), elem_classes="mien-privacy")
        with gr.Column(scale=2, min_width=300):
            cards = gr.HTML(panel.note(texts.NO_IMAGE_YET), padding=False, elem_id="mien-image")
    examples = gr.Dataset(
        components=[gr.Image(render=False)],
        samples=[[str(path)] for path in image.EXAMPLES],
        type="index",
        label="Or try an example",
        elem_id="mien-examples",
    )
    with gr.Accordion("Details", open=False):
        readout = gr.HTML(padding=False)
    return picture, cards, examples, readout


def _values(*values: str) -> str:
    """Return a function in JavaScript that gives the outputs of a listener these values."""
    return f"() => {json.dumps(values)}"


def _video_tab(pipeline: Pipeline, monitor: Monitor | None, place: Place) -> None:
    def read_upload(
        payload: video.FilePayload | None, visitor: video.VisitorVideo, request: gr.Request
    ) -> Iterator[video.VideoTabUpdate]:
        client = client_of_event(request)
        yield from video.process_video(pipeline, payload, visitor, client, monitor)

    def read_example(
        visitor: video.VisitorVideo, request: gr.Request
    ) -> Iterator[video.VideoTabUpdate]:
        yield from video.process_example(pipeline, visitor, client_of_event(request))

    tab, example = _video_components(place)
    visitor = gr.State(video.VisitorVideo())
    outputs = list(tab)
    one_at_a_time: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": "video"}
    tab.source.upload(
        read_upload,
        [tab.source, visitor],
        outputs,
        preprocess=False,
        **one_at_a_time,
        **PRIVATE,
    )
    example.click(read_example, visitor, outputs, **one_at_a_time, **PRIVATE)
    tab.go_on.click(partial(video.go_on, pipeline), visitor, outputs, **one_at_a_time, **PRIVATE)
    tab.stop.click(video.VisitorVideo.request_stop, visitor, None, queue=False, **PRIVATE)


def _video_components(place: Place) -> tuple[video.VideoTabUpdate, gr.Button]:
    """Draw the tab and return its components that listeners update, and the example's button."""
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
            example = gr.Button("Try the example clip", size="sm", elem_id="mien-video-example")
            gr.Markdown(f"{video.TERMS} {privacy.uploads_text(place)}", elem_classes="mien-privacy")
            status = gr.HTML(padding=False, elem_id="mien-video-status")
            stop = gr.Button("Stop", variant="stop", visible=False, size="sm")
            go_on = gr.Button("Go on", variant="primary", visible=False, size="sm")
            with gr.Row():
                table, captions, values = (
                    gr.DownloadButton(
                        title, visible=False, size="sm", min_width=90, elem_id=f"mien-video-{kind}"
                    )
                    for title, kind in video.DOWNLOADS
                )
        with gr.Column(scale=3, min_width=320):
            annotated = gr.Video(
                label="Annotated video",
                show_label=False,
                interactive=False,
                visible=False,
                elem_id="mien-video-out",
                buttons=["download"],
            )
    timeline = gr.Plot(show_label=False, visible=False, elem_id="mien-video-plot")
    tab = video.VideoTabUpdate(
        source, status, stop, go_on, annotated, table, captions, values, timeline
    )
    return tab, example


def _api(pipeline: Pipeline, monitor: Monitor | None) -> None:
    def predict(payload: ImagePayload | None) -> list[dict[str, Any]]:
        """Predict age, perceived gender and emotion of every face in an image.

        Returns a list of faces: box, score, landmarks, emotion, gender (perceived), age, band,
        uncertain (by task), not_given (why gender is null), abstained, timing_ms.
        """
        try:
            return image.predict_json(pipeline, payload, monitor)
        except UserError as error:
            raise gr.Error(str(error), title="Image refused", print_exception=False) from error

    picture, faces = gr.Image(visible=False, label="image"), gr.JSON(visible=False, label="faces")
    gr.Button(visible=False).click(
        predict,
        picture,
        faces,
        api_name="predict",
        concurrency_limit=MAX_IMAGES_AT_ONCE,
        concurrency_id="image",
        preprocess=False,
    )


def _delete_session_on_unload(page: gr.Blocks) -> None:
    """Delete a visitor's state and files when their page closes.

    Gradio keeps the last values of a session for an hour in case the visitor comes back, and a last
    frame shows a face.
    """

    def delete_session(request: gr.Request) -> None:
        session = page.state_holder.session_data.pop(request.session_hash or "", None)
        for value in session.state_data.values() if session else ():
            if isinstance(value, video.VisitorVideo):
                value.delete()

    page.unload(delete_session)
