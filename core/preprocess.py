"""Crop, align, resize and normalise faces: the only place that does.

`InputSpec` says how, and travels inside the model file. A crop is taken by a similarity transform
that lays the five landmarks on the spec's template (Umeyama, PAMI 1991, least squares). Landmarks
on soft or turned faces can be far off, so the transform is bounded; outside the bounds the
detector's box decides.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import atan2, cos, degrees, hypot, radians, sin

import cv2
import numpy as np

from core.artifacts.input_spec import InputSpec
from core.types import Face

__all__ = ["InputSpec", "Pose", "crop_at", "crop_face", "landmark_pose", "pose_of", "to_input"]


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


def agrees(pose: Pose, anchor: Pose, spec: InputSpec) -> bool:
    """Return whether the pose by the landmarks is near enough to the anchor to be believed.

    Args:
        pose: by the landmarks.
        anchor: the pose by the face's box, or the whole frame of a published crop.
        spec: says how far they may differ in angle, size and place.
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

    Args:
        image_shape: of the picture, (H, W, ...).
        face: None where no face was found.
        spec: says whether and how the landmarks place the crop.
    """
    if face is None or (face.chip and not spec.align):
        height, width = image_shape[:2]
        return Pose((width - 1) / 2, (height - 1) / 2, float(max(width, height)))
    anchor = _from_box(face, spec)
    pose = landmark_pose(face, spec) if spec.align else None
    return pose if pose is not None and agrees(pose, anchor, spec) else anchor


def crop_face(image: np.ndarray, face: Face | None, spec: InputSpec) -> np.ndarray:
    """Return the aligned crop of a face, uint8 (size, size, channels).

    What lies outside the picture repeats its border.

    Args:
        image: RGB uint8 (H, W, 3).
        face: None where no face was found in a published crop: the whole picture is the crop.
        spec: of the network that takes the crop.

    Raises:
        ValueError: the image has another type or shape, or no pixels.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ValueError(
            f"Expected `image` to be uint8 (H, W, 3), got {image.dtype} {image.shape}."
        )
    return crop_at(image, pose_of(image.shape, face, spec), spec)


def crop_at(image: np.ndarray, pose: Pose, spec: InputSpec) -> np.ndarray:
    """Return the crop at a pose.

    Args:
        image: RGB uint8 (H, W, 3).
        pose: where the crop lies; see `pose_of`.
        spec: its size and channels.

    Returns:
        uint8 (size, size, channels); what lies outside the picture repeats its border.
    """
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
    part, inner = cut_around(image, pose, reach)
    new_w, new_h = max(1, round(part.shape[1] * factor)), max(1, round(part.shape[0] * factor))
    fx, fy = new_w / part.shape[1], new_h / part.shape[0]
    small = cv2.resize(part, (new_w, new_h), interpolation=cv2.INTER_AREA)
    return small, Pose(
        (inner.x + 0.5) * fx - 0.5,
        (inner.y + 0.5) * fy - 0.5,
        pose.side * (fx * fy) ** 0.5,
        pose.angle,
    )


def cut_around(image: np.ndarray, pose: Pose, reach: float) -> tuple[np.ndarray, Pose]:
    """Return the part of a picture around a pose, cut at whole pixels, and the pose in it.

    Args:
        image: (H, W, ...).
        pose: its centre is the middle.
        reach: pixels that are kept to each side, as far as the picture goes. At least one pixel
            is kept, so that a face outside the picture still gives its border's colour.

    Returns:
        A view (h, w, ...) of `image`, and `pose` in its coordinates.
    """
    height, width = image.shape[:2]
    left, top = (
        int(np.clip(np.floor(c - reach), 0, n - 1)) for c, n in ((pose.x, width), (pose.y, height))
    )
    right, bottom = (
        int(np.clip(np.ceil(c + reach) + 1, lo + 1, n))
        for c, lo, n in ((pose.x, left, width), (pose.y, top, height))
    )
    return image[top:bottom, left:right], replace(pose, x=pose.x - left, y=pose.y - top)


def to_input(crop: np.ndarray, spec: InputSpec) -> np.ndarray:
    """Return crops as the network takes them: float32, divided by 255 and normalised.

    Args:
        crop: uint8 (size, size, channels), or a batch (N, ...) of them.
        spec: of the network.

    Returns:
        (channels, size, size), or (N, ...).

    Raises:
        ValueError: the crop has another type or shape.
    """
    expected = spec.shape
    if crop.dtype != np.uint8 or crop.shape[-3:] != expected:
        raise ValueError(
            f"Expected `crop` to be uint8 (..., {expected}), got {crop.dtype} {crop.shape}."
        )
    scale = (1 / (255 * np.asarray(spec.std, np.float64))).astype(np.float32)
    offset = (np.asarray(spec.mean, np.float64) / np.asarray(spec.std, np.float64)).astype(
        np.float32
    )
    return np.ascontiguousarray(np.moveaxis(crop.astype(np.float32) * scale - offset, -1, -3))
