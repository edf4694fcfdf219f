"""A small data set, drawn by the generator of `synthetic`, with known faults."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from core.data.base.face_drawing import Look, draw
from core.labels import FERPLUS8

FIRST, SECOND = FERPLUS8.labels[1], FERPLUS8.labels[3]


def picture(seed: int) -> np.ndarray:
    """A drawn face, RGB uint8 (96, 96, 3)."""
    rng = np.random.default_rng(seed)
    return draw(
        Look(
            int(rng.integers(8)),
            int(rng.integers(2)),
            int(rng.integers(10, 80)),
            int(rng.integers(3)),
        ),
        rng,
    )


def save(path: Path, image: np.ndarray, quality: int | None = None) -> Path:
    """A PNG, or with `quality` a JPEG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    how = [] if quality is None else [cv2.IMWRITE_JPEG_QUALITY, quality]
    path.write_bytes(
        cv2.imencode(
            ".png" if quality is None else ".jpg", np.ascontiguousarray(image[..., ::-1]), how
        )[1].tobytes()
    )
    return path


def tree(root: Path, n: int = 40) -> Path:
    """SPLIT/CLASS/picture with 2 n pictures in train and n / 2 in val, none of them alike."""
    for i in range(2 * n):
        save(root / "train" / (FIRST if i % 2 else SECOND) / f"{i:03d}.png", picture(i))
    for i in range(n // 2):
        save(root / "val" / (FIRST if i % 2 else SECOND) / f"{i:03d}.png", picture(1000 + i))
    return root


def faults(root: Path) -> dict[str, str]:
    """Plants one fault of each kind in a tree; what it is -> sample id of the culprit."""
    train, val = root / "train", root / "val"
    (train / SECOND / "bytes.png").write_bytes((train / SECOND / "000.png").read_bytes())
    save(val / FIRST / "pixels.png", picture(2))  # train/SECOND/002.png, so the label conflicts too
    png = (val / FIRST / "pixels.png").read_bytes()
    (val / FIRST / "pixels.png").write_bytes(
        png[:8] + png[8:33] + b"\0\0\0\x04tEXta\0bc\x1e\x8b\x8d\x8b" + png[33:]
    )  # a comment: other bytes
    save(
        val / SECOND / "near.jpg",
        cv2.resize(picture(4)[1:95, 1:95], (120, 120), interpolation=cv2.INTER_CUBIC),
        80,
    )
    save(train / SECOND / "mirror.png", picture(6)[:, ::-1])
    save(train / FIRST / "blank.png", np.full((96, 96, 3), 90, np.uint8))
    save(train / FIRST / "blank2.png", np.full((96, 96, 3), 160, np.uint8))
    save(train / FIRST / "dark.png", (picture(501) // 7).astype(np.uint8))
    save(
        train / FIRST / "bright.png",
        np.clip(picture(502).astype(int) // 3 + 200, 0, 255).astype(np.uint8),
    )
    save(train / FIRST / "blurred.png", cv2.GaussianBlur(picture(503), (0, 0), 6))
    save(
        train / FIRST / "tiny.png", cv2.resize(picture(504), (16, 16), interpolation=cv2.INTER_AREA)
    )
    save(train / FIRST / "entropy.png", picture(505) // 128 * 127)
    save(
        train / FIRST / "grey.png",
        np.repeat(cv2.cvtColor(picture(500), cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)[:, 5:],
    )
    content = (train / FIRST / "001.png").read_bytes()
    (train / FIRST / "broken.png").write_bytes(content[: len(content) // 2])
    (train / FIRST / "notes.txt").write_text("no picture")
    names = {
        n: f"train/{FIRST}/{n}.png"
        for n in ("blank", "dark", "bright", "blurred", "entropy", "tiny", "grey", "broken")
    }
    return names | {
        "bytes": f"train/{SECOND}/bytes.png",
        "pixels": f"train/{SECOND}/002.png",
        "near": f"train/{SECOND}/004.png",
        "mirror": f"train/{SECOND}/mirror.png",
        "notes": f"train/{FIRST}/notes.txt",
    }
