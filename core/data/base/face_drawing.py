"""Draw the faces of `synthetic`, from labels and a random generator."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi, radians, sin

import cv2
import numpy as np

from core.labels import FERPLUS8, GENDER2

SIDE = 96
"""Pixels of a picture; it is drawn at twice that and shrunk, so that lines are smooth."""
SKINS = ("light", "medium", "dark")
_SKIN = np.array([(236, 200, 176), (198, 150, 116), (120, 82, 60)], float)
_HAIR = np.array([(40, 30, 26), (92, 60, 36), (170, 126, 74)], float)
_GREY = np.array((205, 205, 205), float)
_MALE = GENDER2.index("m")


@dataclass(frozen=True, slots=True)
class Look:
    """Labels of one face: indices in FERPLUS8, GENDER2 and SKINS, and years."""

    emotion: int
    gender: int
    age: int
    skin: int


# How each emotion differs from a face at rest, in the order of FERPLUS8: lift of the mouth's
# corners, lift of one corner alone, opening and width of the mouth, lift of the brows, slant of the
# brows (inner ends down), opening of the eyes, wrinkles beside the nose.
_EXPRESSIONS = np.array(
    [
        (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),  # neutral
        (0.9, 0.0, 0.25, 0.25, 0.1, 0.0, -0.3, 0.0),  # happiness
        (0.0, 0.0, 1.0, -0.4, 1.0, 0.0, 0.5, 0.0),  # surprise
        (-0.9, 0.0, 0.0, -0.1, 0.2, -1.0, -0.25, 0.0),  # sadness
        (-0.4, 0.0, 0.0, -0.1, -0.7, 1.2, -0.15, 0.0),  # anger
        (-0.5, 0.0, 0.35, -0.2, -0.4, 0.4, -0.5, 1.0),  # disgust
        (-0.35, 0.0, 0.55, 0.2, 0.9, -0.9, 0.5, 0.0),  # fear
        (0.1, 1.0, 0.0, 0.0, 0.0, 0.1, -0.15, 0.0),  # contempt
    ]
)
assert len(_EXPRESSIONS) == len(FERPLUS8)


class _Pen:
    """Draws in head units on a turned, shifted and scaled picture.

    x to the right, y down; the head reaches from -1 to 1 in y.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self.size = 2 * SIDE
        angle, self.scale = radians(rng.uniform(-14, 14)), self.size * rng.uniform(0.37, 0.44)
        self.turn = np.array([[cos(angle), -sin(angle)], [sin(angle), cos(angle)]])
        self.centre = self.size / 2 + self.size * rng.uniform(-0.05, 0.05, 2)
        self.yaw, self.pitch = rng.uniform(-0.12, 0.12), rng.uniform(-0.06, 0.06)
        low, high = rng.uniform(20, 235, (2, 3))
        ramp = np.linspace(0, 1, self.size)[None, :, None]
        background = np.repeat(low + (high - low) * ramp, self.size, axis=0)
        self.image = background.astype(np.uint8)  # (S, S, 3)

    def at(self, points: np.ndarray, inner: bool = True) -> np.ndarray:
        """Return head units (N, 2) as pixels (N, 1, 2); `inner` moves with the head's turn."""
        moved = np.asarray(points, float) + ((self.yaw, self.pitch) if inner else (0, 0))
        pixels = np.round(moved @ self.turn.T * self.scale + self.centre).astype(np.int32)
        points_px: np.ndarray = pixels[:, None]
        return points_px

    def fill(self, points: np.ndarray, colour: np.ndarray, inner: bool = True) -> None:
        cv2.fillPoly(
            self.image, [self.at(points, inner)], tuple(float(c) for c in colour), cv2.LINE_AA
        )

    def line(self, points: np.ndarray, colour: np.ndarray, width: float) -> None:
        pixels = max(1, round(width * self.scale))
        cv2.polylines(
            self.image,
            [self.at(points)],
            False,
            tuple(float(c) for c in colour),
            pixels,
            cv2.LINE_AA,
        )


def _oval(
    x: float, y: float, a: float, b: float, start: float = 0, stop: float = 2 * pi
) -> np.ndarray:
    t = np.linspace(start, stop, 40)
    return np.stack([x + a * np.cos(t), y + b * np.sin(t)], axis=1)


def _arc(x0: float, y0: float, x1: float, y1: float, bend: float) -> np.ndarray:
    """Return a curve from one point to another, its middle `bend` below the straight line."""
    t = np.linspace(0, 1, 15)
    return np.stack([x0 + (x1 - x0) * t, y0 + (y1 - y0) * t + 4 * bend * t * (1 - t)], axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class _Person:
    """What is drawn of one person, but for the expression.

    Attributes:
        male: whether features are drawn as of a man.
        age: in years.
        old: from 0 up to 25 years to 1 from 85 on.
        young: from 1 at birth to 0 from 16 years on.
        skin: RGB (3,).
        hair: RGB (3,).
        width: of the head, half of it in head units.
    """

    male: bool
    age: int
    old: float
    young: float
    skin: np.ndarray
    hair: np.ndarray
    width: float

    @classmethod
    def of(cls, look: Look, rng: np.random.Generator) -> _Person:
        """Return a person of these labels, with colours drawn by chance."""
        young = np.clip((16 - look.age) / 16, 0, 1)
        skin = np.clip(_SKIN[look.skin] * rng.uniform(0.9, 1.1) + rng.normal(0, 5, 3), 0, 255)
        hair = _HAIR[rng.integers(len(_HAIR))] * rng.uniform(0.8, 1.2)
        hair = hair + (_GREY - hair) * np.clip((look.age - 38) / 32, 0, 1)
        return cls(
            male=look.gender == _MALE,
            age=look.age,
            old=np.clip((look.age - 25) / 60, 0, 1),
            young=young,
            skin=skin,
            hair=hair,
            width=0.76 + 0.12 * young,
        )


def draw(look: Look, rng: np.random.Generator) -> np.ndarray:
    """Return a drawn face.

    Args:
        look: its labels.
        rng: draws what the labels leave open.

    Returns:
        RGB uint8 (SIDE, SIDE, 3).
    """
    pen = _Pen(rng)
    person = _Person.of(look, rng)
    _head_and_hair(pen, person, rng)
    _wrinkles(pen, person)
    _features(pen, person, look.emotion, rng)
    return _photograph(pen.image, rng)


def _head_and_hair(pen: _Pen, person: _Person, rng: np.random.Generator) -> None:
    skin, hair, width, male = person.skin, person.hair, person.width, person.male
    # of the hair that falls below the ears
    length = rng.uniform(0.0, 0.3) if male else rng.uniform(0.75, 1.2)
    if length > 0.5:
        top, bottom = width + 0.16, width + 0.12
        curtain = [(-top, -0.4), (top, -0.4), (bottom, length), (-bottom, length)]
        pen.fill(np.array(curtain), hair, inner=False)
    neck = np.array([(-0.32, 0.6), (0.32, 0.6), (0.4, 1.6), (-0.4, 1.6)])
    pen.fill(neck, skin * 0.85, inner=False)
    pen.fill(_oval(0, -0.18, width + 0.12, 0.88, pi, 2 * pi), hair, inner=False)
    pen.fill(_oval(0, 0, width, 0.98), skin, inner=False)
    if male and person.age >= 16 and rng.random() < 0.6:
        jaw = _oval(0, 0.05, width * 0.96, 0.9, 0.15, pi - 0.15)
        beard = np.concatenate([jaw, _arc(-0.5, 0.35, 0.5, 0.35, -0.08)])
        pen.fill(beard, skin * 0.5 + hair * 0.3, inner=False)
    line = -0.52 - 0.14 * person.old * male
    skull = _oval(0, 0, width + 0.02, 1.02, pi + 0.5, 2 * pi - 0.5)
    hairline = _arc(width * 0.9, line, -width * 0.9, line, -0.12)
    pen.fill(np.concatenate([skull, hairline]), hair, inner=False)


def _wrinkles(pen: _Pen, person: _Person) -> None:
    old, skin = person.old, person.skin
    shade = skin * 0.62
    tone = skin + (shade * 0.85 - skin) * min(1.0, 0.3 + old)
    for i in range(round(4 * old)):
        pen.line(
            _arc(-0.4, -0.44 - 0.08 * i + 0.1, 0.4, -0.44 - 0.08 * i + 0.1, -0.03), tone, 0.022
        )
    for side in (-1, 1):
        if old > 0.25:
            pen.line(_arc(side * 0.2, 0.2, side * 0.4, 0.5, 0.03), tone, 0.03)
            pen.line(_arc(side * 0.2, -0.02, side * 0.46, -0.04, 0.05), tone, 0.025)
        for i in range(round(3 * old)):
            pen.line(
                np.array([(side * 0.54, -0.15 + 0.02 * i), (side * 0.68, -0.22 + 0.09 * i)]),
                tone,
                0.022,
            )


def _features(pen: _Pen, person: _Person, emotion: int, rng: np.random.Generator) -> None:
    male, skin, hair = person.male, person.skin, person.hair
    strength = rng.uniform(0.75, 1.15)
    expression = _EXPRESSIONS[emotion] * strength + rng.normal(0, 0.06, 8)
    lift, one, gape, wide, raised, slant, eyes, nose = expression
    one *= rng.choice((-1, 1))
    dark, white = np.array((30, 24, 22)), np.array((242, 240, 236))
    iris = np.array([(70, 44, 26), (70, 100, 130), (80, 110, 70)])[rng.integers(3)]
    big = 1 + 0.3 * person.young
    for side in (-1, 1):
        x, y, a, b = side * 0.34, -0.14, 0.155 * big, 0.085 * big * max(0.3, 1 + eyes)
        pen.fill(_oval(x, y, a, b), white)
        pen.fill(_oval(x, y, min(0.075 * big, b * 1.1), min(0.075 * big, b)), iris)
        pen.fill(_oval(x, y, 0.035 * big, min(0.035 * big, b)), dark)
        pen.line(_oval(x, y, a, b, pi, 2 * pi), dark, 0.03)
        top = -0.36 - 0.13 * raised
        pen.line(
            _arc(side * 0.16, top + 0.11 * slant, side * 0.52, top - 0.08 * slant, -0.03),
            hair * 0.5,
            0.085 if male else 0.05,
        )
        if nose > 0.5:
            for i in range(3):
                pen.line(
                    np.array([(side * 0.06, -0.02 + 0.07 * i), (side * 0.17, -0.07 + 0.07 * i)]),
                    skin * 0.5,
                    0.028,
                )
    pen.line(np.array([(0.02, -0.1), (0.09, 0.2), (-0.06, 0.22)]), skin * 0.7, 0.03)
    half, y = 0.3 * (1 + wide), 0.52
    left, right = y - 0.12 * lift - 0.14 * max(0, -one), y - 0.12 * lift - 0.14 * max(0, one)
    upper = _arc(-half, left, half, right, 0.12 * lift - 0.11 * max(0, gape))
    lower = _arc(-half, left, half, right, 0.12 * lift + 0.03 + 0.24 * max(0, gape))
    lips = skin * (0.7, 0.5, 0.5) if male else skin * (0.85, 0.38, 0.42)
    pen.fill(np.concatenate([upper, lower[::-1]]), np.array((70, 26, 28)) if gape > 0.12 else lips)
    for edge in (upper, lower):
        pen.line(edge, lips * 0.8, 0.04 if male else 0.06)


def _photograph(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add light from one side, contrast, blur, grain: the same for all labels."""
    small = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    gx, gy = rng.uniform(-0.3, 0.3, 2)
    ramp = np.linspace(-1, 1, SIDE, dtype=np.float32)
    light = 1 + gx * ramp[None, :, None] + gy * ramp[:, None, None]
    small = (small * light - 128) * rng.uniform(0.7, 1.15) + 128 + rng.uniform(-30, 30)
    if (blur := rng.uniform(0, 1.1)) > 0.3:
        small = cv2.GaussianBlur(small, (0, 0), blur)
    small += np.float32(rng.uniform(2, 9)) * rng.standard_normal((SIDE, SIDE, 1), np.float32)
    picture: np.ndarray = np.clip(small + 0.5, 0, 255, out=small).astype(np.uint8)
    return picture
