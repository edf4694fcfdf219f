"""Crop, align, resize and normalise faces: the only place that does.

`InputSpec` says how, and travels inside the model file. A crop is taken by a similarity transform
that lays the five landmarks on the spec's template (Umeyama, PAMI 1991, least squares). Landmarks
on soft or turned faces can be far off, so the transform is bounded; outside the bounds the
detector's box decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from math import atan2, cos, degrees, hypot, radians, sin
from typing import Any

import cv2
import numpy as np

from core.errors import ModelError
from core.types import Face, Point

# A FER2013 picture fills it: between the median landmarks of 379 FER+ and 400 UTKFace faces, so
# that neither loses forehead or chin.
TEMPLATE: tuple[Point, ...] = (
    (0.30, 0.35),
    (0.70, 0.35),
    (0.50, 0.57),
    (0.335, 0.735),
    (0.665, 0.735),
)

# Far wider than any network needs; inside them nothing that is computed from a spec leaves float32.
RANGES = {
    "template": (-10.0, 10.0),
    "box_scale": (0.01, 100.0),
    "box_shift": (-10.0, 10.0),
    "max_rotation": (0.0, 360.0),
    "max_zoom": (1.0, 1e3),
    "max_shift": (0.0, 1e3),
    "mean": (-1e3, 1e3),
    "std": (1e-6, 1e3),
}


@dataclass(frozen=True, slots=True)
class InputSpec:
    """How a network's input is made from a picture.

    Attributes:
        size: side of the square crop in pixels, 16 to 512.
        channels: 1 (grey) or 3 (RGB).
        template: the five landmarks' places in the crop, in crop sides.
        box_scale: where landmarks are missing or out of bounds, the crop is a square of this times
            the root of the box's area.
        box_shift: its centre lies this many box heights below the box's centre.
        max_rotation: largest rotation by the landmarks, degrees.
        max_zoom: largest ratio between the landmarks' scale and the box's, either way.
        max_shift: largest distance between the two crops' centres, in crop sides.
        mean: of the network's input after division by 255, per channel.
        std: as `mean`.
        align: lay the landmarks on the template; if False, a published crop (FER2013, UTKFace) is
            taken as it is, and a face in a photograph by its box, upright.

    Raises:
        ValueError: a field is of another type or length, or out of its range in `RANGES`.
    """

    size: int = 48
    channels: int = 1
    template: tuple[Point, ...] = TEMPLATE
    box_scale: float = 1.04
    box_shift: float = 0.03
    max_rotation: float = 50.0
    max_zoom: float = 1.5
    max_shift: float = 0.25
    mean: tuple[float, ...] = (0.5,)
    std: tuple[float, ...] = (0.25,)
    align: bool = True

    def __post_init__(self) -> None:
        if (
            type(self.size) is not int
            or type(self.channels) is not int
            or not 16 <= self.size <= 512
            or self.channels not in (1, 3)
        ):
            raise ValueError(
                f"Expected whole `size` in 16..512 and `channels` 1 or 3, got {self.size!r:.80} "
                f"and {self.channels!r:.80}."
            )
        if type(self.align) is not bool:
            raise ValueError(f"Expected `align` to be true or false, got {self.align!r:.80}.")
        if len(self.template) != 5 or any(len(p) != 2 for p in self.template):
            raise ValueError(
                f"Expected `template` to be five points, got {str(self.template)[:200]}."
            )
        if len(self.mean) != self.channels or len(self.std) != self.channels:
            raise ValueError(
                f"Expected {self.channels} `mean` and `std` values, got {len(self.mean)} and "
                f"{len(self.std)}."
            )
        several = {
            "template": [v for p in self.template for v in p],
            "mean": self.mean,
            "std": self.std,
        }
        for name, (low, high) in RANGES.items():
            for value in several.get(name, (getattr(self, name),)):
                if (
                    isinstance(value, bool)
                    or not isinstance(value, (int, float))
                    or not low <= value <= high
                ):
                    raise ValueError(
                        f"Expected numbers from {low:g} to {high:g} as `{name}`, got {value!r:.80}."
                    )

    def wider(self, share: float) -> InputSpec:
        """Return a spec that draws faces at `share` of their size; more around them is seen."""
        template = tuple(
            (round(0.5 + share * (x - 0.5), 4), round(0.5 + share * (y - 0.5), 4))
            for x, y in self.template
        )
        return replace(self, template=template, box_scale=round(self.box_scale / share, 3))

    def to_dict(self) -> dict[str, object]:
        """Return plain values for JSON.

        `align` is left out where it is the default, so that older cards, caches and their digests
        stay the same.
        """
        return {k: v for k, v in asdict(self).items() if k != "align" or not self.align}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> InputSpec:
        """Return the spec of a model's card.

        Raises:
            ModelError: an unknown or malformed field; the file is damaged or made by a newer
                version.
        """
        if not isinstance(values, Mapping):
            raise ModelError(f"Expected `input` to be an object, got {values!r:.80}.")
        unknown = set(values) - {f.name for f in fields(cls)}
        if unknown:
            raise ModelError(
                f"Expected input fields of this version, got {str(sorted(unknown))[:200]}; try a "
                "newer Mien."
            )
        try:
            return cls(
                **{
                    **values,
                    **{k: tuple(values[k]) for k in ("mean", "std") if k in values},
                    **(
                        {"template": tuple(map(tuple, values["template"]))}
                        if "template" in values
                        else {}
                    ),
                }
            )
        except (TypeError, ValueError) as error:
            raise ModelError(
                f"Expected a valid input spec in the model's card, got: {error}"
            ) from error


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a crop lies in the picture.

    Attributes:
        x: of its centre, pixels.
        y: of its centre, pixels.
        side: pixels.
        angle: degrees, clockwise as seen.
    """

    x: float
    y: float
    side: float
    angle: float = 0.0

    def matrix(self, size: int) -> np.ndarray:
        """Return the affine matrix (2, 3) from picture coordinates to crop coordinates.

        A pixel's centre has integer coordinates in both.
        """
        scale, turn = size / self.side, radians(-self.angle)
        a, b = scale * cos(turn), scale * sin(turn)
        middle = (size - 1) / 2
        return np.array(
            [[a, -b, middle - a * self.x + b * self.y], [b, a, middle - b * self.x - a * self.y]]
        )


def landmark_pose(face: Face, spec: InputSpec) -> Pose | None:
    """Return the least-squares similarity from the template to the landmarks, in closed form.

    Returns:
        None where there are no landmarks or they coincide.
    """
    if face.landmarks is None:
        return None
    landmarks = np.array([complex(*p) for p in face.landmarks])
    template = np.array([complex(*p) for p in spec.template])
    template_mean, landmarks_mean = template.mean(), landmarks.mean()
    spread = float((np.abs(template - template_mean) ** 2).sum())
    k = complex((np.conj(template - template_mean) * (landmarks - landmarks_mean)).sum()) / max(
        spread, 1e-12
    )
    if abs(k) < 1e-6:
        return None
    centre = landmarks_mean + k * (complex(0.5, 0.5) - template_mean)
    # Template coordinates run over pixel edges, pixel centres lie half a pixel inside them.
    return Pose(centre.real - 0.5, centre.imag - 0.5, abs(k), degrees(atan2(k.imag, k.real)))


def _from_box(face: Face, spec: InputSpec) -> Pose:
    x, y, w, h = face.box
    return Pose(
        x + w / 2 - 0.5,
        y + h * (0.5 + spec.box_shift) - 0.5,
        spec.box_scale * float(np.sqrt(w * h)),
    )


def within(pose: Pose, anchor: Pose, spec: InputSpec) -> bool:
    """Return whether a landmark pose agrees with the anchor.

    The anchor is the box's pose, or the whole frame of a published crop.
    """
    zoom = max(pose.side / anchor.side, anchor.side / pose.side)
    shift = hypot(pose.x - anchor.x, pose.y - anchor.y) / anchor.side
    return (
        abs(pose.angle) <= spec.max_rotation and zoom <= spec.max_zoom and shift <= spec.max_shift
    )


def pose_of(image_shape: tuple[int, ...], face: Face | None, spec: InputSpec) -> Pose:
    """Return where the crop of `face` lies.

    Without a face, or in a published crop that the spec takes as it is, that is the centred square
    that holds the whole picture.
    """
    if face is None or (face.chip and not spec.align):
        height, width = image_shape[:2]
        return Pose((width - 1) / 2, (height - 1) / 2, float(max(width, height)))
    anchor = _from_box(face, spec)
    pose = landmark_pose(face, spec) if spec.align else None
    return pose if pose is not None and within(pose, anchor, spec) else anchor


def crop_face(image: np.ndarray, face: Face | None, spec: InputSpec) -> np.ndarray:
    """Return the aligned crop of a face, uint8 (size, size, channels).

    What lies outside the picture repeats its border.

    Args:
        image: RGB uint8 (H, W, 3).
        face: None where no face was found in a published crop: the whole picture is the crop.
        spec: how.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ValueError(
            f"Expected `image` to be uint8 (H, W, 3), got {image.dtype} {image.shape}."
        )
    return crop_at(image, pose_of(image.shape, face, spec), spec)


def crop_at(image: np.ndarray, pose: Pose, spec: InputSpec) -> np.ndarray:
    """Return the crop at `pose`; see `crop_face`."""
    image, pose = _shrink(image, pose, spec.size)
    crop = cv2.warpAffine(
        image,
        pose.matrix(spec.size),
        (spec.size, spec.size),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)[..., None] if spec.channels == 1 else crop


def _shrink(image: np.ndarray, pose: Pose, size: int) -> tuple[np.ndarray, Pose]:
    """Average pixels before a warp that shrinks by more than 1.5; touches only the face.

    Bilinear sampling alone would alias.
    """
    factor = 1.5 * size / pose.side
    if factor >= 1:
        return image, pose
    reach = (
        pose.side * 0.5 * (abs(cos(radians(pose.angle))) + abs(sin(radians(pose.angle))))
        + 2 / factor
    )
    height, width = image.shape[:2]
    # At least one pixel is kept, so that a face outside the picture still gives its border's
    # colour.
    left, top = (
        int(np.clip(np.floor(c - reach), 0, n - 1)) for c, n in ((pose.x, width), (pose.y, height))
    )
    right, bottom = (
        int(np.clip(np.ceil(c + reach) + 1, lo + 1, n))
        for c, lo, n in ((pose.x, left, width), (pose.y, top, height))
    )
    part = image[top:bottom, left:right]
    new_w, new_h = max(1, round(part.shape[1] * factor)), max(1, round(part.shape[0] * factor))
    fx, fy = new_w / part.shape[1], new_h / part.shape[0]
    small = cv2.resize(part, (new_w, new_h), interpolation=cv2.INTER_AREA)
    return small, Pose(
        (pose.x - left + 0.5) * fx - 0.5,
        (pose.y - top + 0.5) * fy - 0.5,
        pose.side * (fx * fy) ** 0.5,
        pose.angle,
    )


def to_input(crop: np.ndarray, spec: InputSpec) -> np.ndarray:
    """Return crops as the network takes them: float32, divided by 255 and normalised.

    Args:
        crop: uint8 (size, size, channels), or a batch (N, ...) of them.
        spec: of the network.

    Returns:
        (channels, size, size), or (N, ...).
    """
    expected = (spec.size, spec.size, spec.channels)
    if crop.dtype != np.uint8 or crop.shape[-3:] != expected:
        raise ValueError(
            f"Expected `crop` to be uint8 (..., {expected}), got {crop.dtype} {crop.shape}."
        )
    scale = (1 / (255 * np.asarray(spec.std, np.float64))).astype(np.float32)
    offset = (np.asarray(spec.mean, np.float64) / np.asarray(spec.std, np.float64)).astype(
        np.float32
    )
    return np.ascontiguousarray(np.moveaxis(crop.astype(np.float32) * scale - offset, -1, -3))
