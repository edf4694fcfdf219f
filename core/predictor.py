"""What a model of faces does, and one model: an ONNX Runtime session.

It takes a path and nothing else: sizes, means and labels come from the model's own card.
`core.face_model.open_model` opens a path that may also be an ensemble's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from math import inf
from pathlib import Path

import numpy as np

from core.artifacts import bundle
from core.artifacts.card import Card
from core.calibration import INTERVAL_COVERAGE, activate, estimate_age
from core.errors import ModelError
from core.preprocess import InputSpec, crop_face, to_input
from core.types import LIMIT, Age, Distribution, Face, Prediction


class FaceModel(ABC):
    """Crops of faces -> predictions. Safe to call from several threads.

    Attributes:
        card: what the model states about itself.
        path: its file.
        threads: of ONNX Runtime for one call.
        is_trusted: whether it was opened without a check of its operators and sizes.
        views: how it crops a face: one way, or several for an ensemble whose members differ in it.
        has_embedding: whether `probabilities` can give an embedding.
    """

    card: Card
    path: Path
    threads: int
    is_trusted: bool
    views: tuple[InputSpec, ...]
    has_embedding: bool

    def __reduce__(self) -> tuple[object, ...]:
        """Travel to another process as a path: there the same file is opened again."""
        place, point = self.path.absolute(), self.card.operating_point
        return _reopen, (type(self), place, self.threads, self.is_trusted, self.fingerprint, point)

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """SHA-256 of everything that decides the predictions, as it was opened."""

    @property
    @abstractmethod
    def size(self) -> int:
        """Bytes on disk."""

    @abstractmethod
    def probabilities(self, crops: np.ndarray, embedding: bool = False) -> dict[str, np.ndarray]:
        """Return calibrated values by task, each (N, width), and the embedding (N, features).

        Args:
            crops: of `crops` or `pack` (N, ...).
            embedding: return that too, under this name.

        Raises:
            ModelError: an embedding is wanted and the model has none.
        """

    @abstractmethod
    def ages(self, p: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the ages that the values of the task `age` stand for.

        Args:
            p: of `probabilities`, (N, width).

        Returns:
            Expected years and the lower and upper ends of their intervals, each (N,).
        """

    def predict(self, image: np.ndarray, faces: Sequence[Face | None]) -> list[Prediction]:
        """Return one prediction for each face of the RGB uint8 picture (H, W, 3), in one batch."""
        return self.predict_crops(self.crops(image, faces))

    def predict_crops(self, crops: np.ndarray) -> list[Prediction]:
        """Return one prediction for each crop of `crops` or `pack` (N, ...)."""
        if len(crops) == 0:
            return []
        values = self.probabilities(crops)
        return predictions(self.card, values, self.ages(values["age"]) if "age" in values else None)

    def crops(self, image: np.ndarray, faces: Sequence[Face | None]) -> np.ndarray:
        """Return what the model takes of each face, (N, ...).

        Args:
            image: RGB uint8 (H, W, 3).
            faces: None is the picture as a whole.
        """
        packed = [
            self.pack([crop_face(image, face, spec) for spec in self.views]) for face in faces
        ]
        return np.stack(packed) if packed else self.blank(0)

    def pack(self, views: Sequence[np.ndarray]) -> np.ndarray:
        """Return the crops of all views as one array, as `predict_crops` takes them.

        Args:
            views: uint8 (size, size, channels) of one face, or (n, ...) of n, for each view.

        Returns:
            Records, of shape () or (n,); of a model with a single view its crops as they are.
        """
        if len(self.views) == 1:
            return views[0]
        packed = np.zeros(views[0].shape[:-3], self._record())
        for i, crop in enumerate(views):
            packed[str(i)] = crop
        return packed

    def blank(self, n: int) -> np.ndarray:
        """Return `n` black crops, in the form of `crops`."""
        if len(self.views) > 1:
            return np.zeros(n, self._record())
        return np.zeros((n, *self.views[0].shape), np.uint8)

    def shown(self, crops: np.ndarray) -> np.ndarray:
        """Return the crops of the first view, uint8 (N, size, size, channels)."""
        return self.view(crops, 0)

    def view(self, crops: np.ndarray, i: int) -> np.ndarray:
        """Return the crops of a view, uint8 (N, size, size, channels)."""
        return crops[str(i)] if len(self.views) > 1 else crops

    def _record(self) -> np.dtype:
        return np.dtype([(str(i), np.uint8, spec.shape) for i, spec in enumerate(self.views)])


class Predictor(FaceModel):
    """One model, ready to run."""

    def __init__(
        self,
        path: str | Path,
        threads: int = 1,
        sha256: Collection[str] = (),
        *,
        operating_point: str | None = None,
        is_trusted: bool = False,
    ) -> None:
        """Open the model at `path`.

        Args:
            path: its file or folder.
            threads: of ONNX Runtime for one call.
            sha256: digests that the file must have.
            operating_point: name of one of the card's (None: the card's default); `card` has its
                calibration and thresholds.
            is_trusted: whether to leave out the check of operators and sizes.

        Raises:
            ModelError: there is none, it cannot be used, or has no such operating point.
        """
        opened = bundle.load(path, threads, sha256, is_trusted=is_trusted)
        self.threads, self.is_trusted = threads, is_trusted
        self.card: Card = opened.card.at(operating_point)
        self.path: Path = opened.path
        self.views: tuple[InputSpec, ...] = (self.card.input,)
        self._session, self._sha256 = opened.session, opened.sha256
        self._input: str = self._session.get_inputs()[0].name
        self.has_embedding = "embedding" in {o.name for o in self._session.get_outputs()}

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the model file, as it was opened."""
        return self._sha256

    @property
    def size(self) -> int:
        """Bytes of the model on disk."""
        return self.path.stat().st_size

    def logits(self, batch: np.ndarray, embedding: bool = False) -> dict[str, np.ndarray]:
        """Return raw outputs by task, each (N, width).

        Args:
            batch: float32 (N, C, H, W) from `to_input`.
            embedding: return that output too.

        Raises:
            ModelError: an embedding is wanted and the model has none, or ONNX Runtime fails.
        """
        if len(batch) == 0:
            return {h.task: np.zeros((0, h.width), np.float32) for h in self.card.heads}
        names = {h.task: h.output for h in self.card.heads}
        if embedding:
            if not self.has_embedding:
                raise ModelError(
                    f"Expected a model with an `embedding` output, got {self.path}; export it "
                    "with `python -m train export`."
                )
            names["embedding"] = "embedding"
        try:
            values = self._session.run(list(names.values()), {self._input: batch})
        except Exception as error:  # ONNX Runtime's own unrelated types
            raise ModelError(
                f"Expected {self.path} to predict {len(batch)} faces at once, got: "
                f"{str(error)[:300]}"
            ) from error
        return dict(zip(names, values, strict=True))

    def probabilities(self, crops: np.ndarray, embedding: bool = False) -> dict[str, np.ndarray]:
        """Return calibrated values by task; see `core.calibration.activate` for their shapes."""
        raw = self.logits(to_input(crops, self.card.input), embedding)
        return self.calibrate(raw) | ({"embedding": raw["embedding"]} if embedding else {})

    def calibrate(self, logits: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return calibrated values of raw outputs by task.

        Args:
            logits: by task (N, width), as of `logits`.

        Returns:
            By task; see `core.calibration.activate` for their shapes.
        """
        return {
            h.task: activate(
                logits[h.task],
                h,
                self.card.calibration.get(h.task, 1.0),
                self.card.logit_shift(h.task),
            )
            for h in self.card.heads
        }

    def ages(self, p: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return expected years and the ends of their interval, each (N,)."""
        head, card = self.card.head("age"), self.card
        kind = "distribution" if head is None else head.kind
        return estimate_age(p, kind, card.calibration, card.interval_factor)


def _reopen(
    kind: Callable[..., FaceModel],
    path: Path,
    threads: int,
    is_trusted: bool,
    fingerprint: str,
    operating_point: str,
) -> FaceModel:
    """Open a model that another process has open, too.

    Raises:
        ModelError: it is not there, or is another one.
    """
    model = kind(path, threads, operating_point=operating_point, is_trusted=is_trusted)
    if model.fingerprint != fingerprint:
        raise ModelError(
            f"Expected the same model at {path} on every machine, got another one on this; copy it."
        )
    return model


def predictions(
    card: Card,
    values: Mapping[str, np.ndarray],
    ages: tuple[np.ndarray, np.ndarray, np.ndarray] | None,
) -> list[Prediction]:
    """Return calibrated values of N faces as predictions with the card's thresholds.

    Args:
        card: names the classes; a task that it lacks is None in each prediction.
        values: by task, at least one, each (N, classes).
        ages: expected years and the ends of their interval, each (N,); None without such a head.
    """
    n = len(next(iter(values.values())))

    def distributions(task: str) -> Sequence[Distribution | None]:
        head, limit = card.head(task), card.thresholds.get(task, LIMIT)
        return [Distribution(head.labels, p, limit) for p in values[task]] if head else [None] * n

    def intervals() -> Sequence[Age | None]:
        if ages is None:
            return [None] * n
        limit, rows = card.thresholds.get("age", inf), np.stack(ages, axis=1).tolist()  # (N, 3)
        return [Age(value, low, high, INTERVAL_COVERAGE, limit) for value, low, high in rows]

    rows = zip(distributions("emotion"), distributions("gender"), intervals(), strict=True)
    return [Prediction(*row, card.gender_from_age) for row in rows]
