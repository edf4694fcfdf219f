"""Clips whose truth is known, drawn from still pictures: faces that sway, come nearer, dim, are
noisy and pass behind a bar.

What a still face's readings do over such a clip is the model's and the camera's doing, never the
person's. Seeded: the same each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import cos, pi, sin

import cv2
import numpy as np

from core.types import Box, Face

WIDTH, HEIGHT = 640, 480
RATE = 25.0
"""Frames/s of the clips, unless another is asked for."""
BAR_S, SWAP_S, CHANGE_S, PAIR_S = 14.0, 9.0, 5.0, 8.0
"""How long the clips are; when one face takes another's place."""


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a face is: centre in pixels, width of its box in pixels, tilt in degrees, clockwise."""

    x: float
    y: float
    width: float
    tilt: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Cutout:
    """A head cut out of a picture. pixels: RGB float32 (H, W, 3); alpha: (H, W, 1) in [0, 1]; box:
    the face in it.
    """

    pixels: np.ndarray
    alpha: np.ndarray
    box: Box


@dataclass(frozen=True, slots=True)
class Actor:
    """A head and where it is at `t` seconds; None: not in the picture. Actors that come later stand
    nearer and hide the others.
    """

    head: Cutout
    path: Callable[[float], Pose | None]


@dataclass(frozen=True, slots=True)
class Light:
    """gain: brightness over time, 1 as the picture is; noise: the sensor's standard deviation in
    grey levels, before its shot noise.
    """

    gain: Callable[[float], float] = lambda t: 1.0
    noise: float = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """A frame. time: seconds; pixels: RGB uint8 (480, 640, 3); boxes: the true box of each actor,
    None where it is not in the picture.
    """

    time: float
    pixels: np.ndarray
    boxes: tuple[Box | None, ...]


def cut(picture: np.ndarray, face: Face) -> Cutout:
    """The head around `face` in an RGB uint8 picture (H, W, 3): an oval with a soft edge that takes
    in hair and chin.
    """
    x, y, w, h = face.box
    centre, axes = (x + w / 2, y + 0.44 * h), (0.95 * w, 0.92 * h)
    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]].astype(np.float32)
    away = np.hypot((columns - centre[0]) / axes[0], (rows - centre[1]) / axes[1])
    return Cutout(picture.astype(np.float32), np.clip((1 - away) / 0.12, 0, 1)[..., None], face.box)


def film(
    actors: Sequence[Actor],
    seconds: float,
    rate: float,
    *,
    bar: tuple[float, float] | None = None,
    light: Light | None = None,
    seed: int = 0,
) -> Iterator[Shot]:
    """`seconds` of frames at `rate` a second. bar: left and right edge in pixels of a dark post in
    front of everybody.

    The noise of one frame does not depend on the rate's other frames, so the same moment looks
    alike at each rate but for its grain.
    """
    light = light or Light()
    rng = np.random.default_rng(seed)
    room = cv2.resize(
        rng.uniform(90, 150, (6, 8, 3)).astype(np.float32),
        (WIDTH, HEIGHT),
        interpolation=cv2.INTER_CUBIC,
    )
    for k in range(round(seconds * rate)):
        t = k / rate
        canvas, boxes = room.copy(), []
        for actor in actors:
            pose = actor.path(t)
            boxes.append(None if pose is None else _paste(canvas, actor.head, pose))
        if bar:
            canvas[:, round(bar[0]) : round(bar[1])] = (52, 44, 38)
        yield Shot(t, _expose(canvas, light.gain(t), light.noise, rng), tuple(boxes))


def wander(
    x: float, y: float, width: float, seed: int, reach: float = 30.0
) -> Callable[[float], Pose]:
    """A head that is never still: sways by up to `reach` pixels, comes 30 % nearer and goes as far
    back, and tilts by 6 degrees.
    """
    a, b, c, d = np.random.default_rng(seed).uniform(0, 2 * pi, 4)

    def at(t: float) -> Pose:
        return Pose(
            x + reach * sin(2 * pi * t / 3.1 + a),
            y + reach / 2 * sin(2 * pi * t / 2.3 + b),
            width * 1.3 ** sin(2 * pi * t / 5.3 + c),
            6 * sin(2 * pi * t / 4.1 + d),
        )

    return at


def _paste(canvas: np.ndarray, head: Cutout, pose: Pose) -> Box:
    """Lays a head on the RGB float32 canvas (H, W, 3), in place, and says where its face is."""
    x, y, w, h = head.box
    scale = pose.width / w
    turn = cv2.getRotationMatrix2D((x + w / 2, y + h / 2), -pose.tilt, scale)
    turn[:, 2] += np.array([pose.x - x - w / 2, pose.y - y - h / 2])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    pixels = cv2.warpAffine(
        head.pixels, turn, (WIDTH, HEIGHT), flags=how, borderMode=cv2.BORDER_REPLICATE
    )
    alpha = cv2.warpAffine(head.alpha, turn, (WIDTH, HEIGHT), flags=how)[..., None]
    canvas += alpha * (pixels - canvas)
    return (pose.x - pose.width / 2, pose.y - scale * h / 2, pose.width, scale * h)


def _expose(canvas: np.ndarray, gain: float, noise: float, rng: np.random.Generator) -> np.ndarray:
    """RGB uint8 from float32: dimmed, with read noise and shot noise (its variance grows with the
    light).
    """
    lit = canvas * gain
    grain = rng.standard_normal(lit.shape, np.float32) * np.sqrt(
        noise**2 + 0.3 * np.maximum(lit, 0)
    )
    return np.clip(lit + grain, 0, 255).round().astype(np.uint8)


def behind_a_bar(head: Cutout, seed: int, rate: float = RATE) -> Iterator[Shot]:
    """One face that wanders on the left, walks behind a post as wide as itself between the fifth
    and the eighth second, and wanders on.
    """
    base = wander(0, 240, 95, seed)

    def path(t: float) -> Pose:
        pose = base(t)
        return replace(pose, x=pose.x + 170 + 300 * _walked((t - 5) / 3))

    return film(
        [Actor(head, path)],
        BAR_S,
        rate,
        bar=(270, 390),
        light=Light(lambda t: 0.65 + 0.35 * cos(2 * pi * t / 7), 6),
        seed=seed,
    )


def swapped(head: Cutout, other: Cutout, seed: int, rate: float = RATE) -> Iterator[Shot]:
    """One face for five seconds, then another at the very same place."""
    base = wander(320, 240, 110, seed)
    actors = [
        Actor(head, lambda t: base(t) if t < CHANGE_S else None),
        Actor(other, lambda t: base(t) if t >= CHANGE_S else None),
    ]
    return film(actors, SWAP_S, rate, seed=seed)


def crossing(head: Cutout, other: Cutout, seed: int, rate: float = RATE) -> Iterator[Shot]:
    """Two faces that change sides within three seconds; the second passes in front of the first and
    hides it for a moment.
    """
    one, two = wander(0, 240, 85, seed, 8), wander(0, 240, 100, seed + 1, 8)

    def path_one(t: float) -> Pose:
        return replace(one(t), x=150 + 340 * _walked((t - 2.5) / 3))

    def path_two(t: float) -> Pose:
        return replace(two(t), x=490 - 340 * _walked((t - 2.5) / 3))

    return film([Actor(head, path_one), Actor(other, path_two)], PAIR_S, rate, seed=seed)


def beside(head: Cutout, other: Cutout, seed: int, rate: float = RATE) -> Iterator[Shot]:
    """Two faces that wander side by side, cheek to cheek at times."""
    return film(
        [
            Actor(head, wander(250, 240, 85, seed, 15)),
            Actor(other, wander(395, 245, 90, seed + 1, 15)),
        ],
        PAIR_S,
        rate,
        seed=seed,
    )


def _walked(t: float) -> float:
    """From 0 before 0 to 1 after 1, starting and ending gently."""
    t = min(1.0, max(0.0, t))
    return t * t * (3 - 2 * t)
