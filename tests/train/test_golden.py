"""One public-domain portrait, four ways to the same answer: torch, ONNX Runtime, the Python API; tests/apps adds the Gradio API."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from core.faces import LIVE_SIDE, best_detector
from core.pipeline import Pipeline
from core.predictor import Predictor
from core.preprocess import crop_face, to_input
from train.start import network


def test_torch_onnx_and_python_agree_on_the_portrait(shipped_model: Path, portrait: np.ndarray) -> None:
    detector, _ = best_detector()
    predictor = Predictor(shipped_model)
    model, recipe = network(shipped_model)
    assert recipe.input == predictor.card.input

    face = detector(portrait, LIVE_SIDE)[0]
    x = to_input(crop_face(portrait, face, recipe.input), recipe.input)[None]
    with torch.inference_mode():
        ours = predictor.calibrate({k: v.numpy() for k, v in model(torch.from_numpy(x)).items() if k != "embedding"})
    onnx = predictor.calibrate(predictor.logits(x))
    (answer,) = Pipeline(predictor, detector)(portrait, LIVE_SIDE).to_json()
    api = {task: np.array(list(answer[task].values())) for task in ("emotion", "gender")}
    for task in ours:
        assert np.abs(ours[task] - onnx[task]).max() < 1e-4
    for task, p in api.items():
        assert np.abs(ours[task][0] - p).max() < 1e-4
    assert abs(float(ours["age"][0] @ np.arange(101)) - answer["age"]["value"]) < 0.05


def test_the_weights_file_is_small_and_the_same_network(shipped_model: Path) -> None:
    assert (shipped_model / "weights.safetensors").stat().st_size < 8_000_000
    rng = np.random.default_rng(0)
    predictor = Predictor(shipped_model)
    model, recipe = network(shipped_model)
    crops = rng.integers(0, 256, (8, recipe.input.size, recipe.input.size, recipe.input.channels), np.uint8)
    x = to_input(crops, recipe.input)
    with torch.inference_mode():
        ours = {k: v.numpy() for k, v in model(torch.from_numpy(x)).items()}
    theirs = predictor.logits(x, embedding=True)
    assert ours.keys() == theirs.keys()
    assert all(np.abs(ours[k] - theirs[k]).max() < 1e-3 for k in ours)
