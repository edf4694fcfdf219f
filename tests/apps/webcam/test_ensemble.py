"""The demo on an ensemble: its predictions, and its card on the About tab."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from apps.webcam.tabs import image
from apps.webcam.ui import texts
from core.faces import STILL_SIDE
from core.pipeline import Pipeline
from core.predictor import Predictor
from tests.apps.webcam.test_pages import data_url
from tests.conftest import write_tiny_bundle


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ensemble of two random models that crop differently."""
    folder = tmp_path_factory.mktemp("ensemble")
    for name, size in (("a", 48), ("b", 32)):
        write_tiny_bundle(folder / name, size, size)
    (folder / "ensemble.json").write_text(
        json.dumps(
            {"name": "both of them", "members": [{"model": "a"}, {"model": "b", "weight": 2}]}
        )
    )
    return folder


def test_the_demo_predicts_with_it(folder: Path, portrait: np.ndarray) -> None:
    pipeline = Pipeline(folder)
    [face] = image.predict_json(pipeline, data_url(portrait))
    [detection] = pipeline.detector(portrait, STILL_SIDE)
    a, b = (Predictor(folder / name).predict(portrait, [detection])[0].emotion for name in "ab")
    assert (
        a and b and list(face["emotion"].values()) == pytest.approx((a.p + 2 * b.p) / 3, abs=1e-6)
    )


def test_the_about_tab_shows_its_card(folder: Path) -> None:
    pipeline = Pipeline(folder)
    assert "both of them" in texts.technical_details(pipeline)
    assert "both of them" in texts.about(pipeline, 2)
    (folder / "card.md").write_text("# Two models\n")
    assert "# Two models" in texts.about(pipeline, 2)
