"""Random changes of a batch of crops, uint8 -> uint8, each sample with its own draw.

Written over whole batches, because two cores have to feed the network too:
torchvision.transforms.v2 draws once per call, so it would have to be called sample by sample. Blur,
low resolution, noise and JPEG also make FER+ (soft, grey) and UTKFace (sharp) look alike, so that a
network cannot tell the data set, and with it the task that has labels, by the quality of the image.
"""

from __future__ import annotations

from dataclasses import fields
from math import ceil

import cv2
import torch
from torch import Tensor
from torch.nn import functional as F

from train.batches.geometry import apply_geometry
from train.recipe.settings import Augment

LIMITS = ("lowres_min", "blur_max", "noise_max", "erase_max")
RANDOM_CHANGES = tuple(f.name for f in fields(Augment) if f.name not in LIMITS)
"""The fields of `Augment` that change a crop where they are above 0; `LIMITS` only say how far."""


def augment(crops: Tensor, settings: Augment, generator: torch.Generator) -> Tensor:
    """Return the crops, each changed at random.

    All randomness comes from `generator`, so a resumed run draws the same. What a recipe does not
    change costs next to nothing: without any augmentation the crops come back as they are.

    Args:
        crops: uint8 (N, C, S, S).
        settings: how much of which change.
        generator: of torch, on the CPU.

    Returns:
        uint8 (N, C, S, S).
    """
    if all(getattr(settings, name) == 0 for name in RANDOM_CHANGES):
        return crops
    x = _affine(crops.float(), settings, generator)
    x = _lowres(x, settings, generator)
    x = _blur(x, settings, generator)
    x = _light(x, settings, generator)
    x = _noise(x, settings, generator)
    x = _erase(x, settings, generator)
    crops = x.round().clamp(0, 255).to(torch.uint8)
    return _jpeg(apply_geometry(crops, settings, generator), settings.jpeg, generator)


def _uniform(n: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return torch.rand(n, generator=generator) * (high - low) + low


def _some(n: int, probability: float, generator: torch.Generator) -> Tensor:
    """Return the indices of samples, each drawn with `probability`."""
    return (torch.rand(n, generator=generator) < probability).nonzero()[:, 0]


def _affine(x: Tensor, settings: Augment, generator: torch.Generator) -> Tensor:
    n = len(x)
    angle = torch.deg2rad(_uniform(n, -settings.rotate, settings.rotate, generator))
    scale = torch.exp(_uniform(n, -settings.zoom, settings.zoom, generator))
    mirror = 1 - 2 * (torch.rand(n, generator=generator) < settings.flip).float()
    reach = 2 * settings.shift  # twice, as the grid runs from -1 to 1
    shift = _uniform(2 * n, -reach, reach, generator).view(2, n)
    # a mirror alone moves whole pixels
    if not (settings.rotate or settings.zoom or settings.shift):
        return torch.where((mirror < 0).view(n, 1, 1, 1), x.flip(3), x)
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    first_row = torch.stack([cos * mirror, -sin, shift[0]], 1)
    second_row = torch.stack([sin * mirror, cos, shift[1]], 1)
    theta = torch.stack([first_row, second_row], 1)  # (N, 2, 3)
    grid = F.affine_grid(theta, list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, padding_mode="border", align_corners=False)


def _lowres(x: Tensor, settings: Augment, generator: torch.Generator) -> Tensor:
    chosen, side = _some(len(x), settings.lowres, generator), x.shape[-1]
    for part in chosen.chunk(4):  # one size per part keeps this a batch operation
        small = max(1, int(side * float(_uniform(1, settings.lowres_min, 1.0, generator))))
        if len(part) and small < side:
            down = F.interpolate(x[part], size=small, mode="area")
            x[part] = F.interpolate(down, size=side, mode="bilinear", align_corners=False)
    return x


def _blur(x: Tensor, settings: Augment, generator: torch.Generator) -> Tensor:
    chosen = _some(len(x), settings.blur, generator)
    for part in chosen.chunk(2):
        sigma = float(_uniform(1, 0.2, max(settings.blur_max, 0.2), generator))
        if len(part):
            reach = max(2, ceil(2 * sigma))
            kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1.0) / sigma) ** 2)
            kernel = (kernel / kernel.sum()).expand(x.shape[1], 1, 1, 2 * reach + 1)
            padded = F.pad(x[part], (reach,) * 4, mode="replicate")
            x[part] = F.conv2d(
                F.conv2d(padded, kernel, groups=x.shape[1]),
                kernel.transpose(2, 3),
                groups=x.shape[1],
            )
    return x


def _light(x: Tensor, settings: Augment, generator: torch.Generator) -> Tensor:
    n = len(x)
    contrast = torch.exp(_uniform(n, -settings.light, settings.light, generator)).view(n, 1, 1, 1)
    brightness = (_uniform(n, -settings.light, settings.light, generator) * 128).view(n, 1, 1, 1)
    if settings.contrast:  # drawn only where it is on, so that other recipes draw as before
        contrast = contrast * (
            1 + _uniform(n, -settings.contrast, settings.contrast, generator)
        ).view(n, 1, 1, 1)
    if not (settings.light or settings.contrast):
        return x
    mean = x.mean(dim=(1, 2, 3), keepdim=True)
    return (x - mean) * contrast + mean + brightness


def _noise(x: Tensor, settings: Augment, generator: torch.Generator) -> Tensor:
    chosen = _some(len(x), settings.noise, generator)
    if len(chosen):
        sigma = _uniform(len(chosen), 0, settings.noise_max, generator).view(-1, 1, 1, 1)
        x[chosen] += sigma * torch.randn(x[chosen].shape, generator=generator)
    return x


def _erase(x: Tensor, settings: Augment, generator: torch.Generator) -> Tensor:
    """Erase random rectangles with noise (Zhong et al., arXiv 1708.04896)."""
    side = x.shape[-1]
    for i in _some(len(x), settings.erase, generator).tolist():
        area, ratio = (
            _uniform(1, 0.02, settings.erase_max, generator),
            torch.exp(_uniform(1, -1.0, 1.0, generator)),
        )
        height = min(side, max(1, int(side * float((area * ratio).sqrt()))))
        width = min(side, max(1, int(side * float((area / ratio).sqrt()))))
        top = int(torch.randint(0, side - height + 1, (1,), generator=generator))
        left = int(torch.randint(0, side - width + 1, (1,), generator=generator))
        patch = torch.randint(0, 256, (x.shape[1], height, width), generator=generator)
        x[i, :, top : top + height, left : left + width] = patch.float()
    return x


def _jpeg(x: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    for i in _some(len(x), probability, generator).tolist():
        quality = int(torch.randint(30, 91, (1,), generator=generator))
        image = x[i].permute(1, 2, 0).numpy()  # (S, S, C)
        data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        back = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
        assert back is not None  # it was encoded just above
        x[i] = torch.from_numpy(back.reshape(image.shape)).permute(2, 0, 1)
    return x
