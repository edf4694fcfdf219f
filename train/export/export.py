"""From a checkpoint to a bundle: ONNX with the card inside, checked, calibrated and measured."""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import nn

from core import progress
from core.artifacts import bundle
from core.artifacts.card import DEFAULT_VERSION, Card
from core.artifacts.card_rows import DataRow
from core.errors import ModelError, UserError
from core.files import disk_errors, scratch_folder, write_text
from core.predictor import Predictor
from evaluation.training_runs.run_folder import RunFolder
from train.batches.data import DatasetPart
from train.compression import qat, quantize
from train.compression.fold_batchnorm import reparameterize
from train.export.card_figures import measured_card
from train.export.int8_loss import check_int8_loss, validation_figures
from train.export.model_card import FLOAT32_METRIC, describe
from train.export.onnx_file import half_weights, round_to_half, set_card, write_onnx
from train.export.parity import check_folded, check_parity, logit_difference, random_crops
from train.export.provenance import licence, trained_on
from train.loop.initialize import load_network
from train.recipe.recipe import Recipe
from train.runs.card_metrics import CARD_METRICS
from train.runs.trained_weights import WEIGHTS

PARITY_CROPS = 64
"""Validation crops that the checks of parity use."""
MEASURED_FILE = "measured.json"
"""Beside the model: {"onnx_parity": see `logit_difference`}, for `python -m evaluation report
--gate production --measured-in` this file.
"""


def export_run(
    folder: Path, name: str, train_parts: Sequence[DatasetPart], val_parts: Sequence[DatasetPart]
) -> Path:
    """Export a run folder's best checkpoint into its `bundle` folder and return that."""
    model, recipe = load_network(folder)
    return export(model, recipe, name, RunFolder(folder).bundle, train_parts, val_parts)


def export(
    model: nn.Module,
    recipe: Recipe,
    name: str,
    out: Path,
    train_parts: Sequence[DatasetPart] = (),
    val_parts: Sequence[DatasetPart] = (),
    int8: bool = False,
    version: str = DEFAULT_VERSION,
) -> Path:
    """Write model.onnx, its weights, card.md and measured.json, and return their folder.

    Args:
        model: trained.
        recipe: of the training.
        name: of the model.
        out: the folder.
        train_parts: their crops give the ranges of INT8.
        val_parts: to calibrate and measure on; without them the card has no calibration, thresholds
            or figures.
        int8: write 8-bit integers. A network from quantisation-aware training (`qat`) is INT8
            either way, with its own ranges.
        version: of the model.

    Raises:
        ModelError: ONNX Runtime's probabilities differ from torch's by more than
            `train.export.parity` allows, a folded network's from `model`'s, or INT8 loses more than
            `train.export.int8_loss.MAX_INT8_LOSS`: against the same weights in float32, or, after
            quantisation-aware training, against the float32 network that it started from, if that
            is there.
    """
    model = round_to_half(model.cpu().eval())
    card = _draft_card(model, recipe, name, version, [*train_parts, *val_parts])
    out.mkdir(parents=True, exist_ok=True)
    crops = val_parts[0].crops[:PARITY_CROPS] if val_parts else random_crops(recipe)
    folded = reparameterize(model)
    with (
        disk_errors(out, "free some space, or try another --out"),
        scratch_folder(out) as scratch,
    ):
        draft = scratch / bundle.MODEL_FILE
        with progress.task("write ONNX"):
            write_onnx(folded, card, draft)
        if folded is not model:
            check_folded(model, folded, Predictor(draft, is_trusted=True), crops)
        check_parity(model, draft, crops)
        parity = {"onnx_parity": logit_difference(model, draft, crops)}
        if val_parts:
            with progress.task("calibrate and measure"):
                card = measured_card(Predictor(draft, is_trusted=True), train_parts, val_parts)
            if qat.is_quantization_aware(model):
                card = _with_float32_figures(card, recipe, val_parts, draft)
            set_card(draft, card)
        if int8 and card.precision == "fp32":
            draft, card = _to_int8(draft, card, train_parts, val_parts)
        weights = scratch / WEIGHTS
        try:
            save_file(half_weights(model), weights)
        except SafetensorError as error:  # what it makes of a full disk
            raise OSError(str(error)) from error
        weights.chmod(0o644)  # safetensors writes for the owner only
        write_text(out / MEASURED_FILE, json.dumps(parity))
        parameters = sum(p.numel() for p in folded.parameters())
        write_text(out / bundle.CARD_FILE, describe(card, parameters))
        weights.replace(out / WEIGHTS)
        draft.replace(out / bundle.MODEL_FILE)
    return out


def _draft_card(
    model: nn.Module, recipe: Recipe, name: str, version: str, parts: Sequence[DatasetPart]
) -> Card:
    """Return the card before anything is calibrated or measured."""
    data = [
        DataRow(
            name=p.samples.name,
            split=p.samples.split,
            fingerprint=p.samples.fingerprint,
            n=len(p),
        )
        for p in parts
    ]
    return Card(
        name,
        version,
        recipe.input,
        recipe.heads,
        recipe=recipe.to_dict(),
        data=tuple(data),
        licence=licence(*trained_on(recipe)),
        created=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
        precision="int8" if qat.is_quantization_aware(model) else "fp32",
    )


def _to_int8(
    draft: Path, card: Card, train_parts: Sequence[DatasetPart], val_parts: Sequence[DatasetPart]
) -> tuple[Path, Card]:
    """Return the INT8 file and its card, whose figures are compared with `card`'s, in float32."""
    path = draft.with_name("int8.onnx")
    for seed in range(quantize.MAX_ATTEMPTS):
        with progress.task("quantise"):
            crops = quantize.calibration_crops(train_parts, seed=seed)
            quantize.to_int8(draft, path, crops, card.input)
            int8_card = replace(card, precision="int8")
            set_card(path, int8_card)
        if not val_parts:
            break
        with progress.task("calibrate and measure INT8"):
            int8_card = measured_card(Predictor(path, is_trusted=True), train_parts, val_parts)
        try:
            check_int8_loss(validation_figures(card), validation_figures(int8_card))
            break
        except ModelError as error:
            if seed == quantize.MAX_ATTEMPTS - 1:
                raise
            progress.say(f"{error} Tries other pictures.")
    set_card(path, int8_card)
    return path, int8_card


def _with_float32_figures(
    card: Card, recipe: Recipe, val_parts: Sequence[DatasetPart], draft: Path
) -> Card:
    """Return the card with the figures of the float32 network that training started from.

    Where there is none to compare with, a line says so, and the card is as it was.

    Raises:
        ModelError: more is lost than `train.export.int8_loss.MAX_INT8_LOSS` allow.
    """
    try:
        float32 = _float32_start(recipe)
    except UserError as error:
        progress.say(f"INT8 is not compared with float32: {error}")
        return card
    path = draft.with_name("float32.onnx")
    with progress.task("measure the float32 network that it started from"):
        blank = replace(card, precision="fp32", calibration={}, thresholds={}, metrics=())
        write_onnx(round_to_half(float32), blank, path)
        float32_card = measured_card(Predictor(path, is_trusted=True), (), val_parts)
    instead = "train on with --resume and more --epochs, or export the float32 run instead"
    check_int8_loss(validation_figures(float32_card), validation_figures(card), instead)
    rows = [
        m | {"metric": FLOAT32_METRIC.format(m["metric"])}
        for m in float32_card.metrics
        if m["metric"] in CARD_METRICS.values() and not m.get("group")
    ]
    return replace(card, metrics=(*card.metrics, *rows))


def _float32_start(recipe: Recipe) -> nn.Module:
    """Return the float32 network that quantisation-aware training started from.

    It may have started from others of its kind. Flip averaging is as the recipe has it.

    Raises:
        UserError: there is none that reads the same crops with the same heads; says why.
    """
    mirror = recipe.model.options.get("mirror")
    changes = [] if mirror is None else [f"model.options.mirror={mirror}"]
    source, visited = recipe, list[str]()
    while source.qat:
        if len(source.starts) != 1 or source.starts[0] in visited:
            raise UserError(f"Expected one run that it started from, got {source.start or 'none'}.")
        visited += source.starts
        start, source = load_network(visited[-1], changes)
    if (source.input, source.heads) != (recipe.input, recipe.heads):
        raise UserError(
            f"Expected {visited[-1]} to read the same crops with the same heads, got others."
        )
    return start
