"""Bundles of networks that learn to round: what is exported is what was trained, and is held to the
float network before.
"""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from core.artifacts.card import Card
from core.errors import ModelError, UserError
from core.predictor import Predictor
from tests.train.compression.test_qat import images, lively, mirrored, plain
from tests.train.conftest import part_of
from train.batches.collate import collate
from train.batches.pool import gather
from train.compression import qat, qat_onnx
from train.export import int8_loss
from train.export.export import export
from train.export.model_card import FLOAT32_METRIC
from train.export.onnx_file import write_onnx
from train.export.parity import QUANTISED_PARITY, check_parity, random_crops
from train.loop.initialize import initialize, load_network
from train.loop.trainer import Trainer
from train.recipe.override import override
from train.runs.card_metrics import CARD_METRICS


def test_a_network_that_mirrors_is_served_as_it_was_trained(tmp_path: Path) -> None:
    import onnx

    recipe = mirrored()
    model = qat.prepare(lively(recipe)).train()
    model(images(recipe, 16))
    write_onnx(model.eval(), Card("made", "0", recipe.input, recipe.heads), tmp_path / "model.onnx")
    assert check_parity(model, tmp_path / "model.onnx", random_crops(recipe)) <= QUANTISED_PARITY
    graph = onnx.load(tmp_path / "model.onnx").graph
    values = {i.name: i.data_type for i in graph.initializer}
    heads = [n for n in graph.node if n.op_type == "Gemm"]
    assert len(heads) == len(recipe.heads) and all(
        values[n.input[1]] == onnx.TensorProto.FLOAT for n in heads
    )
    made_by = {name: node.op_type for node in graph.node for name in node.output}
    means = [n for n in graph.node if n.op_type == "Div"]
    assert len(means) == len(recipe.heads) + 1 and not any(
        "DequantizeLinear" in [made_by.get(i) for i in n.input] for n in means
    )


def trained(folder: Path, start: str = "") -> Trainer:
    run = Trainer(override(plain(), [f"start={start}"]), folder)
    pool = gather([part_of(run.recipe, 8)], run.recipe)
    draw = run.start_epoch()
    for i in range(3):
        run.schedule.before_step(i, 9, 3)
        run.train_step(collate(pool.batch(torch.arange(8)), run.recipe, draw))
    return run


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, nn.Module]:
    """A float bundle's folder, that of a network which learnt to round after it, and the latter
    network.
    """
    folder = tmp_path_factory.mktemp("qat")
    recipe = replace(plain(), qat=False)
    first = export(lively(recipe), recipe, "float", folder / "float")
    run = trained(folder / "run", str(first))
    return first, export(run.averaged, run.recipe, "whole", folder / "whole"), run.averaged.eval()


def test_what_is_served_is_what_was_trained(exported: tuple[Path, Path, nn.Module]) -> None:
    import onnx

    _, folder, model = exported
    served = Predictor(folder)
    assert served.card.precision == "int8" and "INT8" in (folder / "card.md").read_text()
    x = images(plain(), 32)
    with torch.inference_mode():
        ours = {k: v.numpy() for k, v in model(x).items()}
    theirs = served.logits(x.numpy(), embedding=True)
    for task in ours:
        assert theirs[task].dtype == np.float32
        assert np.abs(ours[task] - theirs[task]).mean() < 0.01 * np.abs(ours[task]).std() + 1e-4, (
            task
        )

    graph = onnx.load(folder / "model.onnx").graph
    values = {i.name: onnx.numpy_helper.to_array(i) for i in graph.initializer}
    made_by = {name: node for node in graph.node for name in node.output}
    convolutions = [n for n in graph.node if n.op_type == "Conv"]
    stored = [values[made_by[n.input[1]].input[0]] for n in convolutions[1:]]
    assert values[convolutions[0].input[1]].dtype == np.float32
    assert all(w.dtype == np.int8 and np.abs(w).max() == qat.WEIGHT_LEVELS for w in stored)
    assert all(values[made_by[n.input[2]].input[0]].dtype == np.int32 for n in convolutions[1:])
    assert not any(
        v.dtype == np.float32 and v.size == w.size for v in values.values() for w in stored
    )  # nothing is carried twice


def test_the_bundle_gives_the_network_back(exported: tuple[Path, Path, nn.Module]) -> None:
    _, folder, model = exported
    again, recipe = load_network(folder)
    assert recipe.qat and again.state_dict().keys() == model.state_dict().keys()
    assert check_parity(again, folder / "model.onnx", random_crops(recipe)) <= QUANTISED_PARITY
    nn.init.normal_(again.get_submodule("heads.emotion").weight)
    with pytest.raises(ModelError, match="agree"):
        check_parity(again, folder / "model.onnx", random_crops(recipe))


def test_it_starts_as_the_network_it_follows(exported: tuple[Path, Path, nn.Module]) -> None:
    first, second, _ = exported
    before, _ = load_network(first)
    after = initialize(override(plain(), [f"start={first}"])).eval()
    x = images(plain())
    with torch.inference_mode():
        ours, theirs = before(x), after(x)
    assert all((ours[k] - theirs[k]).abs().mean() < 0.1 * ours[k].std() for k in ours)

    again = initialize(
        override(plain(), [f"start={second}"])
    ).eval()  # goes on from its own kind, ranges included
    assert all(
        torch.equal(v, again.state_dict()[k])
        for k, v in load_network(second)[0].state_dict().items()
    )
    with pytest.raises(UserError, match=r"folded.*qat=true"):
        initialize(replace(plain(), qat=False, start=str(second)))


@pytest.fixture
def written(exported: tuple[Path, Path, nn.Module], monkeypatch: pytest.MonkeyPatch) -> None:
    """The exporter, which takes its time, has written both networks before."""
    from train.export import export as module

    def copied(model: nn.Module, card: Card, path: Path) -> None:
        shutil.copy(exported[qat.is_quantization_aware(model)] / "model.onnx", path)
        module.set_card(path, card)

    monkeypatch.setattr(module, "write_onnx", copied)


@pytest.mark.usefixtures("written")
def test_it_is_held_to_the_float_network_that_it_began_as(
    exported: tuple[Path, Path, nn.Module],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    first, second, _ = exported
    val = part_of(plain(), 60)

    def again(start: str, out: str) -> Card:
        model, recipe = load_network(second)
        bundle_folder = export(
            model, replace(recipe, start=start), "whole", tmp_path / out, (), [val]
        )
        return Predictor(bundle_folder).card

    card = again(str(first), "a")
    model, recipe = load_network(first)
    alone = Predictor(export(model, recipe, "float", tmp_path / "float", (), [val])).card
    before = {m["metric"]: m for m in alone.metrics if not m.get("group")}
    rows = {m["metric"]: m for m in card.metrics}
    for metric in CARD_METRICS.values():
        assert rows[FLOAT32_METRIC.format(metric)] == {
            **before[metric],
            "metric": FLOAT32_METRIC.format(metric),
        }
    assert int8_loss.validation_figures(card) != int8_loss.validation_figures(alone), (
        "the card's own figures stay those of the file"
    )
    text = (tmp_path / "a" / "card.md").read_text()
    assert (
        "## What 8 bits cost\n\nAgainst the float32 network" in text
        and text.count("of the float32 network before") == 0
    )
    value = before["age_mean_absolute_error_years"]["value"]
    assert f"| made | train | age mean absolute error years | {value:.2f} |" in text

    assert FLOAT32_METRIC.format("emotion_accuracy") in {
        m["metric"] for m in again(str(tmp_path / "a"), "b").metrics
    }, "past one that rounds"

    assert not [m for m in again(str(tmp_path / "none"), "c").metrics if "float32" in m["metric"]]
    assert "not compared with float32: Expected a run folder" in capsys.readouterr().err
    assert "Not measured: the float32 network" in (tmp_path / "c" / "card.md").read_text()

    monkeypatch.setattr(int8_loss, "MIN_JUDGED_SAMPLES", 1)
    monkeypatch.setattr(int8_loss, "MAX_INT8_LOSS", dict.fromkeys(int8_loss.MAX_INT8_LOSS, -1e3))
    with pytest.raises(
        ModelError, match=r"INT8 to lose at most .* train on with --resume .*, or export"
    ) as refused:
        again(str(first), "d")
    assert "qat=true" not in str(refused.value) and not (tmp_path / "d" / "model.onnx").exists()


def test_a_channel_of_nothing_beside_a_large_bias_fits_32_bits(tmp_path: Path) -> None:
    make: Callable[..., nn.Module] = lambda: nn.Sequential(
        nn.Conv2d(1, 2, 1), nn.ReLU(), nn.Conv2d(2, 2, 1)
    )
    model = make()
    for layer in (model[0], model[2]):
        layer.weight.data.fill_(1.0)
        layer.bias.data.zero_()
    model[2].weight.data[1] = 1e-9
    model[2].bias.data[1] = 3.0
    quantised = qat.prepare(model).train()
    x = torch.rand(4, 1, 6, 6)
    quantised(x)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter deprecates its own internals
        torch.onnx.export(
            qat_onnx.for_onnx(quantised),
            (x,),
            tmp_path / "m.onnx",
            dynamo=True,
            opset_version=18,
            verbose=False,
        )
    qat_onnx.store_int8_weights(tmp_path / "m.onnx")
    import onnxruntime as ort

    session = ort.InferenceSession(tmp_path / "m.onnx")
    (served,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    with torch.inference_mode():
        ours = quantised.eval()(x).numpy()
    assert np.abs(served - ours).max() <= 2 * 3.0 / 255 and np.abs(served[:, 1] - 3.0).max() < 0.05
