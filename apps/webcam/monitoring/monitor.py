"""Counts what the demo reads, and writes a line of counts after each interval."""

from __future__ import annotations

import atexit
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from apps.webcam.monitoring import prometheus
from apps.webcam.monitoring.settled_faces import SettledFaces
from apps.webcam.options import MonitoringOptions
from apps.webcam.tracking.tracker import TrackedFace, TrackedFrame
from core.artifacts.card import Card
from core.artifacts.operating_point import ACCURACY
from core.labels import SAD_NEUTRAL
from core.monitoring.counts_file import CountsFile
from core.monitoring.counts_line import Source
from core.monitoring.tally import Tally
from core.pipeline import FaceReading, Reading
from core.schema import MAX_TEXT

MAX_WAITING_LINES = 1000
"""Lines kept for a disk that is full, three days of them; then the oldest goes."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Monitor:
    """Counts faces and pictures of all visitors. Safe to call from several threads.

    Attributes:
        file: where the lines go; None where only `metrics` are asked for.
    """

    def __init__(
        self, card: Card, file: CountsFile | None, clock: Callable[[], datetime] = _utc_now
    ) -> None:
        emotion = card.head("emotion")
        knows_pair = emotion is not None and set(SAD_NEUTRAL) <= set(emotion.labels)
        self.file = file
        point = "" if card.operating_point == ACCURACY else f", {card.operating_point}"
        model = f"{card.name} {card.version}{point}".strip()[:MAX_TEXT] or "unnamed"
        self._tally = Tally(model, knows_pair=knows_pair)
        self._clock = clock
        self._start = clock()
        self._lines: deque[str] = deque(maxlen=MAX_WAITING_LINES)
        self._lock, self._disk_lock = threading.Lock(), threading.Lock()
        self._has_ended = threading.Event()
        self._is_disk_faulty = False

    def count_live(
        self,
        settled: SettledFaces,
        faces: Sequence[TrackedFace],
        reading: Reading,
        now: float,
        latency_ms: float,
    ) -> None:
        """Count a camera's frame, and the faces in it that have settled.

        Args:
            settled: The visitor's.
            faces: What the tracker made of the frame.
            reading: Of the frame.
            now: Seconds.
            latency_ms: From the frame's arrival to the annotated picture.
        """
        self._count("live", settled.update(faces, reading.faces, now), latency_ms)

    def count_still(self, reading: Reading, latency_ms: float) -> None:
        """Count a picture with all its faces."""
        self._count("still", reading.faces, latency_ms)

    def count_video(self, settled: SettledFaces, frame: TrackedFrame, reading: Reading) -> None:
        """Count the faces in a video's frame that have settled, on the video's clock.

        Its frames are read in groups, so none has a latency that could be counted.

        Args:
            settled: The video's.
            frame: What the tracker made of it.
            reading: Of the frame.
        """
        faces = settled.update(frame.faces, reading.faces, frame.time)
        with self._lock:
            self._add(faces)

    def _count(self, source: Source, readings: Sequence[FaceReading], latency_ms: float) -> None:
        with self._lock:
            self._tally.add_picture(source, latency_ms)
            self._add(readings)

    def _add(self, readings: Sequence[FaceReading]) -> None:
        """Count faces; the caller holds the lock."""
        for reading in readings:
            self._tally.add_face(reading.prediction, reading.abstained)

    def end_interval(self) -> None:
        """Write the line of the interval, where enough faces came by, and those that wait.

        A disk that cannot be written is no reason to stop: the lines wait, and it is said once.
        """
        with self._lock:
            now = self._clock()
            line = self._tally.take_line(self._start, now)
            if line is not None:
                self._start = now
        with self._disk_lock:
            if self.file is None:
                return
            if line is not None:
                self._lines.append(line.to_json())
            try:
                while self._lines:
                    self.file.append(self._lines[0])
                    self._lines.popleft()
                self._is_disk_faulty = False
            except OSError as error:
                if not self._is_disk_faulty:
                    print(f"The counts cannot be written: {error}", file=sys.stderr, flush=True)
                self._is_disk_faulty = True

    @classmethod
    def started(cls, card: Card, options: MonitoringOptions) -> Monitor | None:
        """Return a monitor that runs until this process ends; None where nothing is asked for.

        Raises:
            UserError: the file cannot be written, or is no file of counts.
        """
        if options.file is None and not options.metrics:
            return None
        monitor = cls(card, CountsFile(options.file) if options.file else None)
        monitor.run(options.interval_s)
        atexit.register(monitor.close)
        return monitor

    def metrics(self) -> str:
        """Return the sums of all lines, and all latencies, as text for Prometheus."""
        with self._lock:
            return prometheus.exposition(self._tally)

    def run(self, interval_s: float) -> None:
        """End an interval every `interval_s` seconds, in a thread of its own, until `close`."""

        def work() -> None:
            while not self._has_ended.wait(interval_s):
                self.end_interval()

        threading.Thread(target=work, name="monitor", daemon=True).start()

    def close(self) -> None:
        """End the last interval."""
        if not self._has_ended.is_set():
            self._has_ended.set()
            self.end_interval()
