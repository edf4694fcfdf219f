"""What a teacher is."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from core.artifacts.card import Head
from core.preprocess import InputSpec

Predictions = dict[str, NDArray[np.float32]]
"""By task: probabilities (N, K) or years (N,); with `embedding` (N, F) where a teacher has one."""


class Teacher(Protocol):
    """One trained network with one way to crop a face."""

    @property
    def heads(self) -> tuple[Head, ...]:
        """The tasks that it predicts, each with its classes."""

    @property
    def input(self) -> InputSpec:
        """How it takes its crops."""

    def predict(self, crops: NDArray[np.uint8]) -> Predictions:
        """Return the predictions for crops (N, S, S, C) of `input`, without flip averaging."""
