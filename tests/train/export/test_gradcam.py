"""Grad-CAM lights up where a planted network finds its class, and draws a bundle's own network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from core.artifacts.card import Head
from core.errors import UserError
from core.labels import FERPLUS8, GENDER2
from core.preprocess import InputSpec
from tests.conftest import ROOT
from train.__main__ import main
from train.gradcam import gradcam
from train.loop.initialize import load_network

EMOTION = Head("emotion", "softmax", FERPLUS8.labels, "emotion")
GENDER = Head("gender", "sigmoid", GENDER2.labels, "gender")
AGE = Head("age", "regression", (), "age")
BRIGHT, DARK = (slice(6, 14), slice(30, 38)), (slice(30, 40), slice(8, 16))


class Planted(nn.Module):
    """One channel finds what is bright, one what is dark; classes 1 and 2 count them. Age falls
    with what is bright, rises with dark.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 1)
        self.conv.weight.data = torch.tensor([1.0, -1.0]).reshape(2, 1, 1, 1)
        self.conv.bias.data = torch.tensor([-1.0, -1.0])
        self.relu, self.pool = nn.ReLU(inplace=True), nn.AvgPool2d(4)
        self.requires_grad_(False)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        bright, dark = self.pool(self.relu(self.conv(x))).mean(dim=(2, 3)).T
        emotion = torch.stack([0 * bright, 50 * bright, 10 * dark, *[0 * bright] * 5], dim=1)
        return {
            "emotion": emotion,
            "gender": (bright - 10 * dark)[:, None],
            "age": (40 - 9 * bright + 9 * dark)[:, None],
        }


@pytest.fixture
def crop() -> np.ndarray:
    picture = np.full((48, 48, 1), 128, np.uint8)
    picture[BRIGHT], picture[DARK] = 255, 0
    return picture


@pytest.mark.parametrize(
    ("head", "region", "prediction"),
    [
        (EMOTION, BRIGHT, FERPLUS8.labels[1]),
        (GENDER, DARK, f"perceived {GENDER2.labels[1]}"),
        (AGE, DARK, "40 years"),
    ],
)
def test_the_map_lights_up_where_the_planted_class_is(
    head: Head, region: tuple[slice, slice], prediction: str, crop: np.ndarray
) -> None:
    explanation = gradcam(Planted().eval(), head, crop, InputSpec())
    other = DARK if region is BRIGHT else BRIGHT
    assert (
        explanation.prediction == prediction
        and explanation.heat.shape == (48, 48)
        and "12x12" in explanation.about
    )
    assert (
        explanation.heat[region].mean() > 0.01
        and explanation.heat[region].mean() > 20 * explanation.heat[other].mean()
    )
    far = explanation.heat.copy()
    far[
        max(region[0].start - 6, 0) : region[0].stop + 6,
        max(region[1].start - 6, 0) : region[1].stop + 6,
    ] = 0
    assert far.max() < 1e-6


def test_a_network_without_a_spatial_layer_is_refused(crop: np.ndarray) -> None:
    class Flat(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.line = nn.Linear(48 * 48, 8)

        def forward(self, x: Tensor) -> dict[str, Tensor]:
            return {"emotion": self.line(x.flatten(1))}

    with pytest.raises(UserError, match="spatial layer"):
        gradcam(Flat(), EMOTION, crop, InputSpec())


def test_a_bundle_is_drawn(shipped_model: Path, tmp_path: Path) -> None:
    model, recipe = load_network(shipped_model)
    assert not model.training and {h.task for h in recipe.heads} == {"emotion", "gender", "age"}
    portrait = str(ROOT / "apps" / "webcam" / "examples" / "astronaut.jpg")
    assert (
        main(
            [
                "gradcam",
                str(shipped_model / "model.onnx"),
                portrait,
                "--out",
                str(tmp_path),
                "--task",
                "emotion",
            ]
        )
        == 0
    )
    with Image.open(tmp_path / "astronaut.png") as drawn:
        assert drawn.format == "PNG"


def test_nothing_to_draw_from_ends_with_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main(["gradcam", str(tmp_path), "x.jpg", "--out", str(tmp_path)]) == 2
    assert "a run folder, a checkpoint or a bundle" in capsys.readouterr().err
