"""The video tab: results as files, stop and go on, nothing left behind."""

from __future__ import annotations

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from errno import ENOSPC
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from apps.webcam import uploads
from apps.webcam.tabs import video
from apps.webcam.tabs.video import VideoTabUpdate, VisitorVideo
from apps.webcam.ui import texts
from apps.webcam.videos import annotation, progress
from core.pipeline import Pipeline
from tests.apps.webcam.videos.test_annotation import film

CLIENT = "203.0.113.1"


@pytest.fixture
def upload_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of uploads, with one of Gradio's folders in it."""
    monkeypatch.setattr(uploads, "upload_folder", lambda: tmp_path)
    folder = tmp_path / "0123"
    folder.mkdir()
    return folder


def run(pipeline: Pipeline, visitor: VisitorVideo, source: Path) -> list[VideoTabUpdate]:
    return list(video.process_video(pipeline, {"path": str(source)}, visitor, CLIENT))


def files_of(update: VideoTabUpdate) -> list[Path]:
    shown = (update.video, update.table, update.captions, update.values)
    return [Path(component["value"]) for component in shown]


def test_the_results_are_a_video_with_sound_a_table_captions_and_json(
    upload_dir: Path, pipeline: Pipeline, frame: np.ndarray
) -> None:
    visitor, source = VisitorVideo(), film(upload_dir / "a.mp4", [frame] * 10, sound=True)
    last = run(pipeline, visitor, source)[-1]
    assert "10 frames read, 1 face tracked." in last.status
    assert not last.go_on["visible"]
    mp4, table, captions, values = files_of(last)
    with av.open(mp4) as written:
        assert len(written.streams.video) == len(written.streams.audio) == 1
    assert len(table.read_text("utf-8").splitlines()) == 11
    assert captions.read_text("utf-8").startswith("WEBVTT\n\n00:00:00.000 --> ")
    frames = json.loads(values.read_text("utf-8"))["frames"]
    assert [round(10 * f["time"]) for f in frames] == list(range(10))
    assert {face["face"] for f in frames for face in f["faces"]} == {1}
    assert mp4.parent.stat().st_mode & 0o077 == 0, "private"
    assert CLIENT not in str(mp4)
    assert set(mp4.parent.iterdir()) == {mp4, table, captions, values}, "nothing else is kept"
    visitor.delete()
    assert not mp4.parent.exists()


@pytest.mark.parametrize("is_ending", [True, False])
def test_a_program_that_ends_in_the_middle_of_a_video_prints_no_traceback(
    upload_dir: Path,
    pipeline: Pipeline,
    frame: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
    is_ending: bool,
) -> None:
    submit, done = ThreadPoolExecutor.submit, []

    def submit_twice(pool: ThreadPoolExecutor, *work: Any) -> Any:
        if len(done) < 2:
            done.append(work)
        elif is_ending:
            pool.shutdown(wait=False)  # as Python's own end does
        else:
            raise RuntimeError("can't start new thread")
        return submit(pool, *work)

    monkeypatch.setattr(ThreadPoolExecutor, "submit", submit_twice)
    visitor, source = VisitorVideo(), film(upload_dir / "a.mp4", [frame] * 10)
    updates = run(pipeline, visitor, source)
    assert visitor.folder is None, "nothing of the visitor is left"
    is_said = any(texts.SERVER_FAULT in str(update.status) for update in updates)
    assert is_said == ("Traceback" in capsys.readouterr().err) == (not is_ending)


def test_a_stopped_video_keeps_what_was_read_and_goes_on_as_if_it_had_not_stopped(
    upload_dir: Path, pipeline: Pipeline, frame: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "INTERVAL_SECONDS", 0.0)
    pictures = [np.roll(frame, 4 * k, axis=1) for k in range(24)]
    source = film(upload_dir / "long.mp4", pictures, sound=True)
    patient, visitor = VisitorVideo(), VisitorVideo()
    expected = run(pipeline, patient, source)[-1]

    updates = video.process_video(pipeline, {"path": str(source)}, visitor, CLIENT)
    assert "Opening" in next(updates).status and "of video read" in next(updates).status
    visitor.request_stop()
    (*_, stopped) = updates
    assert "Stopped at" in stopped.status and stopped.go_on["visible"]
    part = json.loads(files_of(stopped)[3].read_text("utf-8"))["frames"]
    assert 0 < len(part) < 24

    source.unlink(missing_ok=True)  # the upload is deleted long before
    (*_, last) = video.go_on(pipeline, visitor)
    assert not files_of(stopped)[0].exists(), "one result of a visitor at a time"
    assert "24 frames read, 1 face tracked." in last.status and "Stopped" not in last.status
    got, want = (
        json.loads(files_of(update)[3].read_text("utf-8"))["frames"] for update in (last, expected)
    )
    assert [f["time"] for f in got] == [f["time"] for f in want]
    for a, b in zip(got, want, strict=True):
        assert [face["face"] for face in a["faces"]] == [face["face"] for face in b["faces"]]
        for x, y in zip(a["faces"], b["faces"], strict=True):
            assert x["emotion"] == pytest.approx(y["emotion"], abs=0.02)
    with av.open(files_of(last)[0]) as joined, av.open(files_of(expected)[0]) as one_go:
        assert len(joined.streams.audio) == 1
        assert [f.pts for f in joined.decode(video=0)] == [f.pts for f in one_go.decode(video=0)]
    visitor.delete()
    (only,) = video.go_on(pipeline, visitor)
    assert video.NOTHING_TO_GO_ON in only.status


def test_a_sound_that_mp4_does_not_take_is_named(
    upload_dir: Path, pipeline: Pipeline, frame: np.ndarray
) -> None:
    source = upload_dir / "a.avi"
    with av.open(source, "w") as out:
        stream = out.add_stream("mpeg4", rate=10)
        stream.height, stream.width, stream.pix_fmt = 480, 640, "yuv420p"
        tone = out.add_stream("pcm_s16le", rate=8000, layout="mono")
        for _ in range(3):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        wave = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), layout="mono")
        wave.sample_rate = 8000
        out.mux(tone.encode(wave))
        out.mux(stream.encode(None))
    last = run(pipeline, VisitorVideo(), source)[-1]
    assert "Its sound (pcm_s16le) cannot be kept in an MP4." in last.status


def test_a_sound_that_cannot_be_copied_is_left_out_and_that_is_said(
    upload_dir: Path, pipeline: Pipeline, frame: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is damaged when the joining process opens it."""
    join_with_sound = annotation.join_with_sound

    def damage_then_join(parts, source, *others):
        source.write_bytes(source.read_bytes()[:500])
        return join_with_sound(parts, source, *others)

    monkeypatch.setattr(annotation, "join_with_sound", damage_then_join)
    source = film(upload_dir / "a.mp4", [frame] * 3, sound=True)
    last = run(pipeline, VisitorVideo(), source)[-1]
    assert "Its sound, if it has any, could not be copied." in last.status
    with av.open(files_of(last)[0]) as written:
        assert (written.streams.video[0].frames, len(written.streams.audio)) == (3, 0)


def test_a_client_with_too_many_results_is_told_so(
    upload_dir: Path, pipeline: Pipeline, frame: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = film(upload_dir / "a.mp4", [frame] * 2)
    monkeypatch.setattr(uploads, "MAX_BYTES_PER_CLIENT", 0)
    (only,) = run(pipeline, VisitorVideo(), source)
    assert "Expected fewer videos of one visitor" in only.status


def test_a_video_whose_visitor_left_ends_without_an_error(
    upload_dir: Path, pipeline: Pipeline, frame: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page closes while the last frames are read: its files are deleted under the work."""
    monkeypatch.setattr(progress, "INTERVAL_SECONDS", 0.0)
    visitor, source = VisitorVideo(), film(upload_dir / "left.mp4", [frame] * 4)
    write_table = video.timeline.to_csv

    def leave_then_write(*arguments):
        visitor.delete()
        return write_table(*arguments)

    monkeypatch.setattr(video.timeline, "to_csv", leave_then_write)
    assert not any("mien-" in str(update.video) for update in run(pipeline, visitor, source))


@pytest.mark.parametrize("error", [OSError(ENOSPC, "a secret"), FileNotFoundError("a secret")])
@pytest.mark.parametrize(
    "module, name",
    [(video, "Annotation"), (annotation, "AnnotatedWriter"), (video.timeline, "to_csv")],
)
def test_a_fault_ends_the_progress_with_a_sentence_and_leaves_no_file(
    upload_dir: Path,
    pipeline: Pipeline,
    frame: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    module: object,
    name: str,
    error: OSError,
) -> None:
    """The disk is full, or a file is gone: before the first frame, while it is written, after."""

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(module, name, fail)
    visitor, source = VisitorVideo(), film(upload_dir / "a.mp4", [frame] * 2)
    last = run(pipeline, visitor, source)[-1]
    is_upload_gone = name == "Annotation" and isinstance(error, FileNotFoundError)
    assert ("upload it again" if is_upload_gone else texts.SERVER_FAULT) in last.status
    assert "secret" not in last.status
    assert not last.stop["visible"] and not last.go_on["visible"] and last.source is None
    assert visitor.folder is None and not list(upload_dir.parent.glob("results-*"))
    assert ("a secret" in capsys.readouterr().err) == (not is_upload_gone)


def test_the_example_clip_is_read_and_kept(upload_dir: Path, pipeline: Pipeline) -> None:
    visitor = VisitorVideo()
    (*_, last) = video.process_example(pipeline, visitor, CLIENT)
    assert "frames read" in last.status
    assert video.EXAMPLE.is_file()
    assert visitor.work is None, "a minute's readings take megabytes, for as long as they stay"
    visitor.delete()


def test_results_of_a_visitor_who_stays_are_deleted_after_half_an_hour(upload_dir: Path) -> None:
    old, new = uploads.new_results_folder(CLIENT), uploads.new_results_folder(CLIENT)
    then = time.time() - uploads.RESULTS_MAX_AGE_SECONDS - 1
    os.utime(old, (then, then))
    uploads.delete_old_results(time.time())
    assert new.is_dir() and not old.exists() and upload_dir.is_dir()


def test_the_bar_of_a_video_of_unknown_length_has_no_value() -> None:
    assert " value=" not in video._in_progress("12.0 s of video read", None).status
    assert " value='0.500'" in video._in_progress("12.0 s of video read", 0.5).status
