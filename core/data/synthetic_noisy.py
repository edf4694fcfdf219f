"""`synthetic` with wrong labels, put there on purpose: what a search for wrong labels must find.

The pictures are those of `synthetic`. Of the emotions and of the perceived genders a share of
WRONG, chosen by a hash of the sample's name, is replaced by another class; the groups
`emotion_label` and `gender_label` say which.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from core.data import synthetic
from core.data.base.samples import Samples, one_hot
from core.data.base.splits import share
from core.labels import FERPLUS8, GENDER2

SPLITS = synthetic.SPLITS
NOISY = f"{synthetic.DRAWN}, some wrong on purpose"
ORIGIN = replace(
    synthetic.ORIGIN,
    name="Synthetic, noisy",
    labels={"emotion": NOISY, "gender": NOISY, "age": synthetic.DRAWN},
    true="as this program drew them, some replaced by a wrong one",
)
GENERATED = True
"""No data folder is needed."""
WRONG = 0.04
"""Share of the labels of each task that are wrong."""


def load(root: str | Path, split: str) -> Samples:
    """Return the drawn faces of one split. Groups: `skin`, `emotion_label`, `gender_label`.

    Raises:
        DataError: the cache cannot be written.
    """
    clean = synthetic.load(root, split)
    emotion = with_noise(clean.emotion, clean.ids, "emotion", len(FERPLUS8))
    gender = with_noise(clean.gender, clean.ids, "gender", len(GENDER2))
    return replace(
        clean,
        name="synthetic_noisy",
        emotion=emotion,
        emotion_votes=one_hot(emotion),
        gender=gender,
        groups={
            **clean.groups,
            "emotion_label": np.where(emotion == clean.emotion, "as drawn", "wrong"),
            "gender_label": np.where(gender == clean.gender, "as drawn", "wrong"),
        },
    )


def with_noise(labels: np.ndarray, ids: Sequence[str], task: str, classes: int) -> np.ndarray:
    """Return int64 (N,): class indices of which about a share of WRONG is another class.

    Args:
        labels: class indices (N,).
        ids: the names of the samples, which decide.
        task: decides, too, so that not all labels of one sample are wrong.
        classes: how many there are.
    """
    is_wrong = np.array([share(f"wrong {task}/{name}") < WRONG for name in ids])
    step = np.array([1 + int(share(f"other {task}/{n}") * (classes - 1)) for n in ids], np.int64)
    noisy: np.ndarray = np.where(is_wrong, (labels + step) % classes, labels)
    return noisy
