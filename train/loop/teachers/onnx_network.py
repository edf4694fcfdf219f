"""A teacher that is an ONNX file with one head, whose output is probabilities."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core import system
from core.artifacts.bundle import open_session
from core.artifacts.card import Head
from core.errors import ModelError
from core.preprocess import InputSpec, to_input
from train.loop.teachers.teacher import Predictions


class OnnxNetwork:
    """An ONNX Runtime session; see `train.loop.teachers.teacher.Teacher`."""

    def __init__(self, content: bytes, file: str, spec: InputSpec, head: Head) -> None:
        """Open the network.

        Args:
            content: of the file, from a source that is trusted.
            file: its name, for messages.
            spec: how it takes its crops.
            head: its task and classes; the first output has their probabilities (N, K).

        Raises:
            ModelError: ONNX Runtime cannot open it.
        """
        self._file = file
        self._session = open_session(content, system.usable_processors(), Path(file))
        self.input: InputSpec = spec
        self.heads: tuple[Head, ...] = (head,)

    def predict(self, crops: NDArray[np.uint8]) -> Predictions:
        """Return probabilities by task.

        Raises:
            ModelError: the network has other classes than its head says.
        """
        (head,) = self.heads
        feed = {self._session.get_inputs()[0].name: to_input(crops, self.input)}
        values = np.asarray(self._session.run(None, feed)[0], np.float32)
        if values.shape != (len(crops), len(head.labels)):
            raise ModelError(
                f"Expected {self._file} to give probabilities of {len(head.labels)} classes, got "
                f"an output of shape {values.shape} for {len(crops)} faces."
            )
        return {head.task: values}
