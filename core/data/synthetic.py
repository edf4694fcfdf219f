"""Synthetic faces, drawn and not photographed, for tests and a first run without any download.

No person is shown. The labels are drawn and nothing else carries them: emotion in mouth, brows,
eyes and nose; perceived gender in length of hair, brows, lips and beard; age in wrinkles, grey hair
and the proportions of the head. Head pose, size, place, skin, background, light, blur and noise are
drawn from distributions that are the same for all labels, so a network must find the features and
cannot go by brightness, colour or a fixed pixel. What a network learns here says nothing about real
faces.

The pictures are drawn into the user's cache once (`root` is not used) and follow from SEED alone.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from core.artifacts.downloads import cache_dir
from core.data.base.face_drawing import SKINS, Look, draw
from core.data.base.files import cached_folder
from core.data.base.origin import Origin
from core.data.base.rows import Row, build
from core.data.base.samples import Samples, check_split
from core.data.base.splits import OURS
from core.labels import FERPLUS8, GENDER2

SIZES = {"train": 4000, "val": 500, "test": 500}
SPLITS = OURS
DRAWN = "what this program drew"
ORIGIN = Origin(
    "Synthetic",
    "drawn by this program, no person is shown",
    "no licence needed",
    labels={"emotion": DRAWN, "gender": DRAWN, "age": DRAWN},
    pictures="faces that this program draws",
    true="as this program drew them",
    note="What is learnt from drawn faces says nothing about real ones.",
)
GENERATED = True
"""No data folder is needed."""
SEED = 20_130_414
VERSION = 1
"""Raise it when the drawing changes, so that the cached pictures are drawn again."""
MAX_DRAWN_AGE = 90


def load(root: str | Path, split: str) -> Samples:
    """Return the drawn faces of one split. Group: `skin`.

    Raises:
        DataError: the cache cannot be written.
    """
    check_split(split, SPLITS)
    folder = f"synthetic-{VERSION}-{SEED}"
    rows: list[Row] = []
    for part in SIZES if split == "all" else [split]:
        looks = sample(part, SIZES[part])
        cached_folder(f"{folder}/{part}-{len(looks)}", partial(_fill, looks, part))
        rows += [
            Row(
                f"{part}-{len(looks)}/{i:05d}.png",
                look.emotion,
                look.gender,
                float(look.age),
                groups={"skin": SKINS[look.skin]},
            )
            for i, look in enumerate(looks)
        ]
    return build(
        "synthetic",
        split,
        cache_dir() / "data" / folder,
        rows,
        hint="try to empty the cache folder",
    )


def sample(part: str, n: int) -> list[Look]:
    """Return `n` independent draws of the labels.

    All emotions and both genders are equally likely, ages are uniform from 1 to MAX_DRAWN_AGE.
    """
    rng = np.random.default_rng([SEED, *part.encode()])
    emotion = rng.integers(0, len(FERPLUS8), n)
    gender = rng.integers(0, len(GENDER2), n)
    age = rng.integers(1, MAX_DRAWN_AGE + 1, n)
    skin = rng.integers(0, len(SKINS), n)
    return [
        Look(*(int(v) for v in values)) for values in zip(emotion, gender, age, skin, strict=True)
    ]


def _fill(looks: list[Look], part: str, target: Path) -> None:
    def write(i: int) -> None:
        picture = draw(looks[i], np.random.default_rng([SEED, *part.encode(), i]))
        (target / f"{i:05d}.png").write_bytes(cv2.imencode(".png", picture[..., ::-1])[1].tobytes())

    with ThreadPoolExecutor() as pool:
        list(pool.map(write, range(len(looks))))
