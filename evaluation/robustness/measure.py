"""What a model answers when pictures get worse: every picture is read and searched once, then
cropped and asked at every severity.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from core import registry
from core.data import Samples
from core.data.base.crop_cache import face_of
from core.faces import Detector
from core.labels import FERPLUS8
from core.predictor import Predictor
from core.preprocess import crop_at, pose_of
from evaluation.commands.predict import BATCH, outputs
from evaluation.predictions.schema import P_GENDER
from evaluation.robustness.corruptions import View, around

KINDS = tuple(registry.names("evaluation.robustness.corruptions"))
SEED = 20_130_414
Answers = Mapping[str, np.ndarray]
"""Task -> (N,): index in FERPLUS8, index in GENDER2, years."""


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """Answers of one model at every severity.

    samples: the N that could be read. clean: answers at severity 0. worse: (kind, severity from 1
    on) -> answers.
    """

    samples: Samples
    clean: Answers
    worse: Mapping[tuple[str, int], Answers]


def levels(kind: str) -> tuple[float, ...]:
    """Levels of severities 1, 2 ... of a kind."""
    return registry.load("evaluation.robustness.corruptions", kind).LEVELS


def unit(kind: str) -> str:
    """What the levels of a kind are."""
    return registry.load("evaluation.robustness.corruptions", kind).UNIT


def corrupted(view: View, kind: str, severity: int, sample_id: str) -> View:
    """`view` at a severity from 1 on. The same sample, kind and severity give the same picture in
    every run.
    """
    module = registry.load("evaluation.robustness.corruptions", kind)
    rng = np.random.default_rng([SEED, *sample_id.encode(), *kind.encode()])
    return module.corrupt(view, module.LEVELS[severity - 1], rng)


def measure(
    predictor: Predictor,
    samples: Samples,
    detector: Detector,
    kinds: Sequence[str] = KINDS,
    *,
    threads: int = 1,
    heard: Callable[[int], None] = lambda done: None,
) -> Measured:
    """Asks `predictor` about every picture, clean and at every severity of `kinds`. `heard` is told
    how many pictures are done.
    """
    variants = [(kind, i + 1) for kind in kinds for i in range(len(levels(kind)))]
    clean: list[Answers] = []
    worse: dict[tuple[str, int], list[Answers]] = {v: [] for v in variants}
    readable: list[int] = []

    def look(path: Path) -> tuple[np.ndarray, list[View]] | None:
        found = face_of(path, detector, samples.tight)
        if found is None:
            return None
        picture, face = found
        views = [around(picture, pose_of(picture.shape, face, spec)) for spec in predictor.views]
        return predictor.crops(picture, [face])[0], views

    def crop(views: Sequence[View], kind: str, severity: int, sample_id: str) -> np.ndarray:
        hurt = [corrupted(view, kind, severity, sample_id) for view in views]
        return predictor.pack(
            [
                crop_at(h.picture, h.pose, spec)
                for h, spec in zip(hurt, predictor.views, strict=True)
            ]
        )

    cv2.setNumThreads(1)  # our threads are one per core already
    with ThreadPoolExecutor(threads) as pool:
        for start in range(
            0, len(samples), BATCH
        ):  # the batches of `predict`, so that its answers are met to the last bit
            seen = list(pool.map(look, samples.paths[start : start + BATCH]))
            good = [start + i for i, one in enumerate(seen) if one is not None]
            if good:
                views, ids = (
                    [one[1] for one in seen if one is not None],
                    [samples.ids[i] for i in good],
                )
                clean.append(
                    answers(predictor, np.stack([one[0] for one in seen if one is not None]))
                )
                for kind, severity in variants:
                    crops = pool.map(
                        lambda v, name, k=kind, s=severity: crop(v, k, s, name), views, ids
                    )  # type: ignore[misc]
                    worse[kind, severity].append(answers(predictor, np.stack(list(crops))))
            readable += good
            heard(start + len(seen))
    return Measured(
        samples.take(np.array(readable, np.int64)),
        _joined(clean),
        {v: _joined(parts) for v, parts in worse.items()},
    )


def answers(predictor: Predictor, crops: np.ndarray) -> Answers:
    """uint8 crops (N, S, S, C) -> answers."""
    said = outputs(predictor, crops)
    found: dict[str, np.ndarray] = {}
    if "emotion_pred" in said:
        found["emotion"] = np.array(
            [FERPLUS8.labels.index(label) for label in said["emotion_pred"]]
        )
    if P_GENDER in said:
        found["gender"] = np.where(said[P_GENDER] >= 0.5, 0, 1)
    if "age_pred" in said:
        found["age"] = said["age_pred"]
    return found


def _joined(parts: Sequence[Answers]) -> Answers:
    return {task: np.concatenate([p[task] for p in parts]) for task in parts[0]} if parts else {}
