"""Occlusion maps light up where a planted model has its evidence and nowhere else; written pictures
show no face unless asked to.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from core.artifacts import bundle
from core.artifacts.card import KEY, Card, Head
from core.errors import UserError
from core.labels import AGE_BINS, FERPLUS8, GENDER2
from core.predictor import Predictor
from core.preprocess import InputSpec
from evaluation.__main__ import main
from evaluation.explanation.draw import chosen_tasks, output_files
from evaluation.explanation.heatmap import PANEL_SIDE_PX, Explanation, panel
from evaluation.explanation.occlusion import SQUARES_PER_SIDE, occlusion_maps
from tests.conftest import ROOT

SIZE = 48
MOUTH, EYE = (slice(30, 38), slice(20, 28)), (slice(6, 12), slice(34, 40))
"""Where the planted model finds the emotion, and where the age."""
REACH_PIXELS = SIZE // min(SQUARES_PER_SIDE) - 1
"""A square that touches the evidence covers nothing further away than this, pixels."""


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    """Emotion is linear in MOUTH, age in EYE; perceived gender is constant."""
    heads = (
        Head("emotion", "softmax", FERPLUS8.labels, "emotion"),
        Head("gender", "softmax", GENDER2.labels, "gender"),
        Head("age", "distribution", tuple(str(i) for i in range(AGE_BINS)), "age"),
    )
    weights = {h.task: np.zeros((SIZE, SIZE, h.width), np.float32) for h in heads}
    weights["emotion"][(*MOUTH, 1)] = 0.05
    weights["age"][(*EYE, 80)] = 0.2
    nodes = [helper.make_node("Flatten", ["image"], ["flat"])]
    nodes += [helper.make_node("MatMul", ["flat", f"w_{h.task}"], [h.output]) for h in heads]
    constants = [
        numpy_helper.from_array(w.reshape(SIZE * SIZE, -1), f"w_{task}")
        for task, w in weights.items()
    ]
    graph = helper.make_graph(
        nodes,
        "planted",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 1, SIZE, SIZE])],
        [helper.make_tensor_value_info(h.output, TensorProto.FLOAT, ["n", h.width]) for h in heads],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(
        model, {KEY: Card("planted", "0", InputSpec(size=SIZE), heads).to_json()}
    )
    path = tmp_path_factory.mktemp("planted") / bundle.MODEL_FILE
    onnx.save(model, path)
    return Predictor(path)


def crop() -> np.ndarray:
    """Noise, bright where the evidence is."""
    picture_drawn = np.random.default_rng(0).integers(80, 160, (SIZE, SIZE, 1)).astype(np.uint8)
    picture_drawn[MOUTH] = picture_drawn[EYE] = 250
    return picture_drawn


def distance(region: tuple[slice, slice]) -> np.ndarray:
    """(S, S): how far each pixel is from a region, the longer of both axes."""
    away = [
        np.maximum(np.maximum(s.start - np.arange(SIZE), np.arange(SIZE) - s.stop + 1), 0)
        for s in region
    ]
    return np.maximum(away[0][:, None], away[1][None])


@pytest.mark.parametrize(("task", "region"), [("emotion", MOUTH), ("age", EYE)])
def test_the_map_lights_up_at_the_planted_evidence_and_nowhere_else(
    planted: Predictor, task: str, region: tuple[slice, slice]
) -> None:
    heat, away = occlusion_maps(planted, crop())[task].heat, distance(region)
    assert heat.shape == (SIZE, SIZE) and away.flat[heat.argmax()] == 0
    assert np.abs(heat[away > REACH_PIXELS]).max() < 1e-6, "what lies out of reach changes nothing"
    assert heat[region].mean() > 4 * heat[away > 3].mean() and heat[region].min() > 0


def test_an_answer_that_rests_on_nothing_has_an_empty_map(planted: Predictor) -> None:
    maps = occlusion_maps(planted, crop())
    assert list(maps) == ["emotion", "gender", "age"] and np.abs(maps["gender"].heat).max() < 1e-9
    assert (
        maps["emotion"].prediction.startswith(FERPLUS8.labels[1])
        and maps["gender"].prediction == f"perceived {GENDER2.labels[0]} 50%"
    )
    assert np.isfinite(panel(crop(), maps["gender"])).all()


def test_numbers_are_the_fall_that_the_model_shows(planted: Predictor) -> None:
    """With one size of square as large as the crop, the map is the answer to an even crop,
    everywhere.
    """
    picture = crop()
    even = np.full_like(picture, np.rint(picture.mean()))
    before, after = planted.predict_crops(np.stack([picture, even]))
    assert before.emotion and after.emotion and before.age and after.age
    maps = occlusion_maps(planted, picture, squares_per_side=(1,))
    assert maps["emotion"].heat == pytest.approx(
        before.emotion.confidence - after.emotion.as_dict()[before.emotion.top], abs=1e-6
    )
    assert maps["age"].heat == pytest.approx(before.age.value - after.age.value, abs=1e-4)


def test_the_crop_is_not_changed(planted: Predictor) -> None:
    picture = crop()
    occlusion_maps(planted, picture)
    assert np.array_equal(picture, crop())


def test_a_blurred_panel_says_nothing_of_the_face() -> None:
    """Two crops with the same coarse light give the same panel; shown, they differ."""
    lit = np.zeros((SIZE, SIZE))
    lit[: SIZE // 2, : SIZE // 2] = -5  # years, so the size counts
    heat = Explanation("age", "30 years", lit, "years", True)
    flat = np.full((SIZE, SIZE, 1), 120, np.uint8)
    fine = (
        flat
        + (np.indices((SIZE, SIZE)).sum(axis=0) % 2 * 2 - 1)[..., None]
        .astype(np.int8)
        .astype(np.uint8)
        * 60
    )
    blurred, shown = (
        [panel(c, heat, blur=b).astype(int) for c in (flat, fine)] for b in (True, False)
    )
    assert np.abs(blurred[0] - blurred[1]).max() <= 1 < np.abs(shown[0] - shown[1]).max()
    bright = shown[0][30:, 12:][:PANEL_SIDE_PX, :PANEL_SIDE_PX].sum(axis=2)
    assert (
        bright[: PANEL_SIDE_PX // 3, : PANEL_SIDE_PX // 3].min()
        > 2 * bright[-PANEL_SIDE_PX // 3 :, -PANEL_SIDE_PX // 3 :].max()
    ), "the quarter is lit"


def test_equal_names_get_numbers() -> None:
    names = [
        p.name
        for p in output_files(
            [Path("a/x.jpg"), Path("b/x.png"), Path("x-2.jpg"), Path("y.jpg")], Path("out")
        )
    ]
    assert names == ["x.png", "x-2.png", "x-2-2.png", "y.png"]


def test_the_command_writes_a_picture_for_each(
    planted: Predictor, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    portrait = str(ROOT / "apps" / "webcam" / "examples" / "astronaut.jpg")
    line = [
        "explain",
        "--model",
        str(planted.path),
        portrait,
        portrait,
        "--out",
        str(tmp_path / "o"),
        "--json",
    ]
    assert main([*line, "--task", "emotion", "--task", "age"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [Path(r["file"]).name for r in report["images"]] == ["astronaut.png", "astronaut-2.png"]
    assert set(report["images"][0]["answers"]) == {"emotion", "age"}
    with Image.open(tmp_path / "o" / "astronaut.png") as blurred:
        assert (
            blurred.format == "PNG"
            and blurred.width == 2 * (PANEL_SIDE_PX + 24)
            and not blurred.info
        )
        one = np.asarray(blurred)
    assert main([*line, "--task", "emotion", "--task", "age", "--show-faces"]) == 0
    with Image.open(tmp_path / "o" / "astronaut.png") as shown:
        assert not np.array_equal(one, np.asarray(shown))


def test_mistakes_end_with_status_2(
    planted: Predictor, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "no.jpg").write_bytes(b"no picture")
    assert (
        main(
            [
                "explain",
                "--model",
                str(planted.path),
                str(tmp_path / "no.jpg"),
                "--out",
                str(tmp_path / "o"),
            ]
        )
        == 2
    )
    assert "no.jpg" in capsys.readouterr().err


def test_a_task_that_the_model_lacks_is_refused_beside_one_that_it_has() -> None:
    assert chosen_tasks(None, ["emotion", "age"]) == ["emotion", "age"]
    assert chosen_tasks(["age"], ["emotion", "age"]) == ["age"]
    with pytest.raises(UserError, match="--task to be of emotion, which the model has, got age"):
        chosen_tasks(["emotion", "age"], ["emotion"])
