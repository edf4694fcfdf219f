"""One public-domain portrait, and changed copies of it, many ways to the same answer: torch with
the shipped weights, the float32 file made of them, an INT8 file, the shipped file; batches of 1 and
32, one and two threads; the Python API. tests/apps adds the Gradio API.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from core.artifacts import bundle
from core.artifacts.card import Card
from core.faces import LIVE_SIDE, best_detector
from core.pipeline import Pipeline
from core.predictor import Predictor
from core.preprocess import crop_face, to_input
from train.batches.augment import augment
from train.compression import quantize
from train.export.onnx_file import set_card, write_onnx
from train.export.parity import PARITY, check_parity, random_crops
from train.loop.initialize import load_network
from train.recipe.recipe import Recipe
from train.recipe.settings import Augment

# Largest difference and mean difference of calibrated probabilities, and of the age in years, from
# torch's.
LIMITS = {"fp32": (1e-4, 1e-5, 0.01), "int8": (0.25, 0.02, 3.0)}


@pytest.fixture(scope="module")
def shipped(shipped_model: Path) -> tuple[nn.Module, Recipe]:
    return load_network(shipped_model)


@pytest.fixture(scope="module")
def crops(shipped: tuple[nn.Module, Recipe], portrait: np.ndarray) -> np.ndarray:
    """The portrait's face, first as it is, then turned, shifted, lit and blurred 31 ways (32, S, S,
    C).
    """
    detector, _ = best_detector()
    one = crop_face(portrait, detector(portrait, LIVE_SIDE)[0], shipped[1].input)
    copies = torch.from_numpy(np.repeat(one[None], 31, axis=0)).permute(0, 3, 1, 2).contiguous()
    changed = augment(
        copies, Augment(erase=0, rotate=20, light=0.4), torch.Generator().manual_seed(0)
    )
    return np.concatenate([one[None], changed.permute(0, 2, 3, 1).numpy()])


@pytest.fixture(scope="module")
def files(
    shipped: tuple[nn.Module, Recipe],
    crops: np.ndarray,
    shipped_model: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict:
    """precision -> a model file of the shipped weights. The shipped file is one of them."""
    folder, (model, recipe) = tmp_path_factory.mktemp("golden"), shipped
    card = bundle.load(shipped_model).card
    exported = {precision: folder / f"{precision}.onnx" for precision in ("fp32", "int8")}
    if not recipe.qat:
        write_onnx(model, replace(card, precision="fp32"), exported["fp32"])
        quantize.to_int8(exported["fp32"], exported["int8"], crops, recipe.input)
        set_card(exported["int8"], replace(card, precision="int8"))
    return exported | {card.precision: bundle.model_path(shipped_model)}


@pytest.mark.parametrize("precision", LIMITS)
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("batch", [1, 32])
def test_every_file_answers_as_torch_does(
    precision: str,
    threads: int,
    batch: int,
    files: dict,
    shipped: tuple[nn.Module, Recipe],
    crops: np.ndarray,
) -> None:
    if not files[precision].is_file():
        pytest.skip("weights that were trained to round are served as INT8 only")
    served = Predictor(files[precision], threads)
    x = to_input(crops, shipped[1].input)
    with torch.inference_mode():
        ours = served.calibrate(
            {k: v.numpy() for k, v in shipped[0](torch.from_numpy(x)).items() if k != "embedding"}
        )
    rows = [served.logits(x[i : i + batch]) for i in range(0, len(x), batch)]
    theirs = served.calibrate({k: np.concatenate([r[k] for r in rows]) for k in rows[0]})
    largest, mean, years = LIMITS[precision]
    for task, p in ours.items():
        difference = np.abs(p - theirs[task])
        assert difference.max() <= largest and difference.mean() <= mean, (
            task,
            difference.max(),
            difference.mean(),
        )
    age = np.arange(ours["age"].shape[1])
    assert np.abs((ours["age"] - theirs["age"]) @ age).max() <= years


def test_the_shipped_file_the_pipeline_and_the_python_api_agree_on_the_portrait(
    shipped_model: Path, portrait: np.ndarray, crops: np.ndarray, shipped: tuple[nn.Module, Recipe]
) -> None:
    detector, _ = best_detector()
    predictor = Predictor(shipped_model)
    assert shipped[1].input == predictor.card.input
    onnx = predictor.probabilities(crops[:1])
    (answer,) = Pipeline(predictor, detector)(portrait, LIVE_SIDE).to_json()
    for task in ("emotion", "gender"):
        assert np.abs(onnx[task][0] - np.array(list(answer[task].values()))).max() < 1e-4
    assert abs(float(onnx["age"][0] @ np.arange(101)) - answer["age"]["value"]) < 0.05


def test_the_shipped_files_are_small(shipped_model: Path) -> None:
    assert (shipped_model / "weights.safetensors").stat().st_size <= 8_000_000
    limit = 4_000_000 if bundle.load(shipped_model).card.precision == "int8" else 16_000_000
    assert (shipped_model / "model.onnx").stat().st_size <= limit


def test_the_embedding_is_the_same_network_s(
    shipped: tuple[nn.Module, Recipe], files: dict, crops: np.ndarray
) -> None:
    x = to_input(crops[:8], shipped[1].input)
    with torch.inference_mode():
        ours = shipped[0](torch.from_numpy(x))["embedding"].numpy()
    for precision, limit in (("fp32", 1e-3), ("int8", 0.2)):
        if files[precision].is_file():
            theirs = Predictor(files[precision]).logits(x, embedding=True)["embedding"]
            assert theirs.dtype == np.float32
            assert np.abs(ours - theirs).mean() <= limit * np.abs(ours).mean(), precision


def test_a_mirrored_network_answers_for_both_sides_of_a_face_and_trains_on_one(
    shipped_model: Path, tmp_path: Path
) -> None:
    plain, recipe = load_network(shipped_model, ["model.options.mirror=false"])
    both, mirrored = load_network(shipped_model, ["model.options.mirror=true"])
    x = torch.from_numpy(to_input(random_crops(recipe, 3), recipe.input))
    with torch.inference_mode():
        apart, turned, together, again = plain(x), plain(x.flip(3)), both(x), both(x.flip(3))
    for name in together:
        torch.testing.assert_close(
            together[name], (apart[name] + turned[name]) / 2, atol=1e-4, rtol=1e-4
        )
        torch.testing.assert_close(together[name], again[name], atol=1e-4, rtol=1e-4)
    assert not torch.equal(apart["emotion"], turned["emotion"])
    calls = []
    hook = both.backbone.register_forward_hook(lambda _, given, __: calls.append(len(given[0])))
    both(x), both.train()(x)
    assert calls == [6, 3]
    hook.remove()
    write_onnx(
        both.eval(),
        Card("made", "0", mirrored.input, mirrored.heads),
        tmp_path / "model.onnx",
    )
    assert check_parity(both, tmp_path / "model.onnx", random_crops(recipe, 5)) <= PARITY
