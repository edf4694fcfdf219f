"""Synthetic clips of known truth: faces that sway, come nearer, dim, are noisy and get hidden.

They are rendered from two photographs. Whatever the predictions of a still face do over such a clip
is an error of model and camera, never a change of the person. Seeded: the same each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import cos, pi, sin

import cv2
import numpy as np

from core.types import Box, Face

WIDTH, HEIGHT = 640, 480
DEFAULT_RATE = 25.0
"""Frames/s of the clips."""
POST_CLIP_SECONDS, SWAP_CLIP_SECONDS, PAIR_CLIP_SECONDS = 14.0, 9.0, 8.0
SWAP_AT_SECONDS = 5.0
"""When one face takes another's place."""
POST_EDGES_PX, POST_COLOUR = (270.0, 390.0), (52, 44, 38)


@dataclass(frozen=True, slots=True)
class FacePlacement:
    """Where a face is: centre and width of its box in pixels; tilt in degrees, clockwise."""

    x: float
    y: float
    width: float
    tilt: float = 0.0


Path = Callable[[float], FacePlacement | None]
"""Seconds -> placement; None while the face is not in the image."""


@dataclass(frozen=True, slots=True, eq=False)
class Cutout:
    """A head cut out of an image.

    Attributes:
        pixels: RGB float32, shape (H, W, 3).
        alpha: Shape (H, W, 1), in [0, 1].
        box: Of the face in it.
    """

    pixels: np.ndarray
    alpha: np.ndarray
    box: Box


@dataclass(frozen=True, slots=True)
class Actor:
    """A head and its path. Later actors stand nearer and hide earlier ones."""

    head: Cutout
    path: Path


@dataclass(frozen=True, slots=True)
class Light:
    """Lighting of a clip.

    Attributes:
        gain: Seconds -> brightness; 1 is that of the photograph.
        noise: Standard deviation of the sensor's read noise in grey levels, without shot noise.
    """

    gain: Callable[[float], float] = lambda t: 1.0
    noise: float = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class RenderedFrame:
    """A frame.

    Attributes:
        time: Seconds.
        pixels: RGB uint8, shape (480, 640, 3).
        boxes: The true box of each actor; None where it is not in the image.
    """

    time: float
    pixels: np.ndarray
    boxes: tuple[Box | None, ...]


def cut_head(picture: np.ndarray, face: Face) -> Cutout:
    """Cut out the head around `face`: an oval with a soft edge that includes hair and chin.

    Args:
        picture: RGB uint8, shape (H, W, 3).
        face: A face in it.
    """
    x, y, w, h = face.box
    centre, axes = (x + w / 2, y + 0.44 * h), (0.95 * w, 0.92 * h)
    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]].astype(np.float32)
    radius = np.hypot((columns - centre[0]) / axes[0], (rows - centre[1]) / axes[1])
    alpha = np.clip((1 - radius) / 0.12, 0, 1)[..., None]
    return Cutout(picture.astype(np.float32), alpha, face.box)


def render(
    actors: Sequence[Actor],
    seconds: float,
    rate: float,
    *,
    post: tuple[float, float] | None = None,
    light: Light | None = None,
    seed: int = 0,
) -> Iterator[RenderedFrame]:
    """Yield the frames of a clip.

    The same moment looks alike at every rate, apart from its noise.

    Args:
        actors: The farthest first.
        seconds: Duration.
        rate: Frames/s.
        post: Left and right edge in pixels of a dark post in front of all actors.
        light: Default: constant, with some noise.
        seed: Of background and noise.
    """
    light = light or Light()
    rng = np.random.default_rng(seed)
    background = cv2.resize(
        rng.uniform(90, 150, (6, 8, 3)).astype(np.float32),
        (WIDTH, HEIGHT),
        interpolation=cv2.INTER_CUBIC,
    )
    for k in range(round(seconds * rate)):
        t = k / rate
        canvas, boxes = background.copy(), []
        for actor in actors:
            placement = actor.path(t)
            boxes.append(None if placement is None else _paste(canvas, actor.head, placement))
        if post:
            canvas[:, round(post[0]) : round(post[1])] = POST_COLOUR
        yield RenderedFrame(t, _expose(canvas, light.gain(t), light.noise, rng), tuple(boxes))


def wandering(
    x: float, y: float, width: float, seed: int, reach_px: float = 30.0
) -> Callable[[float], FacePlacement]:
    """Return the path of a head that is never still around the pixel (x, y).

    It sways by up to `reach_px`, comes 30 % nearer and goes as far back, and tilts by 6 degrees.
    """
    a, b, c, d = np.random.default_rng(seed).uniform(0, 2 * pi, 4)

    def path(t: float) -> FacePlacement:
        return FacePlacement(
            x + reach_px * sin(2 * pi * t / 3.1 + a),
            y + reach_px / 2 * sin(2 * pi * t / 2.3 + b),
            width * 1.3 ** sin(2 * pi * t / 5.3 + c),
            6 * sin(2 * pi * t / 4.1 + d),
        )

    return path


def _paste(canvas: np.ndarray, head: Cutout, placement: FacePlacement) -> Box:
    """Paint a head on the RGB float32 canvas (H, W, 3), in place, and return its face's box."""
    x, y, w, h = head.box
    scale = placement.width / w
    transform = cv2.getRotationMatrix2D((x + w / 2, y + h / 2), -placement.tilt, scale)
    transform[:, 2] += np.array([placement.x - x - w / 2, placement.y - y - h / 2])
    flags = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    pixels = cv2.warpAffine(
        head.pixels, transform, (WIDTH, HEIGHT), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    alpha = cv2.warpAffine(head.alpha, transform, (WIDTH, HEIGHT), flags=flags)[..., None]
    canvas += alpha * (pixels - canvas)
    left, top = placement.x - placement.width / 2, placement.y - scale * h / 2
    return (left, top, placement.width, scale * h)


def _expose(canvas: np.ndarray, gain: float, noise: float, rng: np.random.Generator) -> np.ndarray:
    """Return RGB uint8 from float32: dimmed, with read noise and shot noise.

    The variance of shot noise grows with the light.
    """
    lit = canvas * gain
    deviation = np.sqrt(noise**2 + 0.3 * np.maximum(lit, 0))
    noisy = lit + rng.standard_normal(lit.shape, np.float32) * deviation
    return np.clip(noisy, 0, 255).round().astype(np.uint8)


def behind_a_post(head: Cutout, seed: int, rate: float = DEFAULT_RATE) -> Iterator[RenderedFrame]:
    """Yield a face that wanders on the left, walks behind a post, and wanders on at the right.

    The post is as wide as the face, which passes it between the fifth and the eighth second.
    """
    base = wandering(0, 240, 95, seed)

    def path(t: float) -> FacePlacement:
        placement = base(t)
        return replace(placement, x=placement.x + 170 + 300 * _smooth_step((t - 5) / 3))

    return render(
        [Actor(head, path)],
        POST_CLIP_SECONDS,
        rate,
        post=POST_EDGES_PX,
        light=Light(lambda t: 0.65 + 0.35 * cos(2 * pi * t / 7), 6),
        seed=seed,
    )


def swapped(
    head: Cutout, other: Cutout, seed: int, rate: float = DEFAULT_RATE
) -> Iterator[RenderedFrame]:
    """Yield one face until `SWAP_AT_SECONDS`, then another at the very same place."""
    base = wandering(320, 240, 110, seed)
    actors = [
        Actor(head, lambda t: base(t) if t < SWAP_AT_SECONDS else None),
        Actor(other, lambda t: base(t) if t >= SWAP_AT_SECONDS else None),
    ]
    return render(actors, SWAP_CLIP_SECONDS, rate, seed=seed)


def crossing(
    head: Cutout, other: Cutout, seed: int, rate: float = DEFAULT_RATE
) -> Iterator[RenderedFrame]:
    """Yield two faces that change sides within three seconds.

    The second passes in front of the first and hides it for a moment.
    """
    one, two = wandering(0, 240, 85, seed, 8), wandering(0, 240, 100, seed + 1, 8)

    def path_one(t: float) -> FacePlacement:
        return replace(one(t), x=150 + 340 * _smooth_step((t - 2.5) / 3))

    def path_two(t: float) -> FacePlacement:
        return replace(two(t), x=490 - 340 * _smooth_step((t - 2.5) / 3))

    actors = [Actor(head, path_one), Actor(other, path_two)]
    return render(actors, PAIR_CLIP_SECONDS, rate, seed=seed)


def side_by_side(
    head: Cutout, other: Cutout, seed: int, rate: float = DEFAULT_RATE
) -> Iterator[RenderedFrame]:
    """Yield two faces that wander side by side, cheek to cheek at times."""
    actors = [
        Actor(head, wandering(250, 240, 85, seed, 15)),
        Actor(other, wandering(395, 245, 90, seed + 1, 15)),
    ]
    return render(actors, PAIR_CLIP_SECONDS, rate, seed=seed)


def _smooth_step(t: float) -> float:
    """Return 0 up to 0, 1 from 1 on, and a smooth rise between them."""
    t = min(1.0, max(0.0, t))
    return t * t * (3 - 2 * t)
