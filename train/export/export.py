"""From a checkpoint to a bundle: calibrate on validation, write ONNX with the card inside, check it
against torch, measure, describe.
"""

from __future__ import annotations

import copy
import datetime
import json
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from core import progress
from core.artifacts import bundle
from core.artifacts.card import KEY, Card
from core.errors import ModelError, UserError
from core.predictor import Predictor
from core.preprocess import to_input
from evaluation.training_runs.run_folder import RunFolder
from train.batches.data import DatasetPart
from train.compression import qat, qat_onnx, quantize
from train.compression.fold_batchnorm import reparameterize
from train.export import int8_loss
from train.export.card_figures import measured
from train.export.model_card import BEFORE, describe
from train.export.provenance import licence, trained_on
from train.loop.initialize import load_network
from train.loop.validate import outputs
from train.recipe.recipe import Recipe
from train.runs.card_metrics import CARD_METRICS
from train.runs.trained_weights import WEIGHTS

VERSION = "0.1.0"
"""Of a model that nobody has named one for."""
PARITY = 1e-4
"""Largest difference allowed between torch's and ONNX Runtime's probabilities; of years, as a share
of them.
"""
ROUNDED_PARITY = 0.05
"""The same for a network that rounds: a sum that falls within float error of the middle of two
steps goes up here and down there.
"""
FUSED = 1e-5
"""The same, between a network with its training branches and with those folded into one convolution
each.
"""
PARITY_CROPS = 64
"""Validation pictures that the comparisons look at."""
MEASURED = "measured.json"
"""Beside the model: {"onnx_parity": see `logits_apart`}, for `python -m evaluation report --gate
production --measured-in` this file.
"""
OPSET = 18


def export_run(
    folder: Path, name: str, train_parts: Sequence[DatasetPart], val_parts: Sequence[DatasetPart]
) -> Path:
    """Exports a run folder's best checkpoint into its `bundle` folder and returns that."""
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
    version: str = VERSION,
) -> Path:
    """Writes `out`/model.onnx, its weights, card.md and `MEASURED`. Without validation parts the
    card has no calibration, thresholds or figures.

    int8: with the ranges that the training parts show. A network that was trained to round (`qat`)
    is INT8 either way, with its own ranges.

    Raises:
        ModelError: ONNX Runtime's probabilities differ from torch's by more than `parity` allows, a
        folded network's from `model`'s by
            `FUSED`, or INT8 loses more than `train.export.int8_loss.MAX_INT8_LOSS`: against the same
            weights in float32, or, where the network learnt to round, against the float32 network
            that it began as, if that is there.
    """
    model = through_half(model.cpu().eval())
    data = [
        {
            "name": p.samples.name,
            "split": p.samples.split,
            "fingerprint": p.samples.fingerprint,
            "n": len(p),
        }
        for p in (*train_parts, *val_parts)
    ]
    created = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d")
    card = Card(
        name,
        version,
        recipe.input,
        recipe.heads,
        {},
        {},
        recipe.to_dict(),
        tuple(data),
        (),
        licence(*trained_on(recipe)),
        created,
        precision="int8" if qat.is_quantization_aware(model) else "fp32",
    )
    out.mkdir(parents=True, exist_ok=True)
    crops = val_parts[0].crops[:PARITY_CROPS] if val_parts else random_crops(recipe)
    fused = reparameterize(model)
    with tempfile.TemporaryDirectory(dir=out.parent) as scratch:
        draft = Path(scratch) / bundle.MODEL_FILE
        with progress.task("write ONNX"):
            write_onnx(fused, card, draft)
        if fused is not model:
            check_fused(model, fused, Predictor(draft), crops)
        check_parity(model, draft, crops)
        apart = {"onnx_parity": logits_apart(model, draft, crops)}
        if val_parts:
            with progress.task("calibrate and measure"):
                card = measured(Predictor(draft), train_parts, val_parts)
            if qat.is_quantization_aware(model):
                card = _beside_float(card, recipe, val_parts, draft)
            set_card(draft, card)
        if int8 and card.precision == "fp32":
            draft, card = _to_int8(draft, card, train_parts, val_parts)
        save_file(half_weights(model), out / WEIGHTS)
        (out / WEIGHTS).chmod(0o644)  # safetensors writes for the owner only
        draft.replace(out / bundle.MODEL_FILE)
    (out / MEASURED).write_text(json.dumps(apart), encoding="utf-8")
    (out / "card.md").write_text(
        describe(card, parameters=sum(p.numel() for p in fused.parameters())), encoding="utf-8"
    )
    return out


def _to_int8(
    draft: Path, card: Card, train_parts: Sequence[DatasetPart], val_parts: Sequence[DatasetPart]
) -> tuple[Path, Card]:
    """card: the float32 file's, whose figures the INT8 file's are to keep up with."""
    made = draft.with_name("int8.onnx")
    for seed in range(quantize.MAX_ATTEMPTS):
        with progress.task("quantise"):
            quantize.to_int8(
                draft, made, quantize.calibration_crops(train_parts, seed=seed), card.input
            )
            set_card(made, whole := replace(card, precision="int8"))
        if not val_parts:
            break
        with progress.task("calibrate and measure INT8"):
            whole = measured(Predictor(made), train_parts, val_parts)
        try:
            int8_loss.check_int8_loss(
                int8_loss.validation_figures(card), int8_loss.validation_figures(whole)
            )
            break
        except ModelError as error:
            if seed == quantize.MAX_ATTEMPTS - 1:
                raise
            progress.say(f"{error} Tries other pictures.")
    set_card(made, whole)
    return made, whole


def _beside_float(
    card: Card, recipe: Recipe, val_parts: Sequence[DatasetPart], draft: Path
) -> Card:
    """The card of a network that learnt to round, and in it the figures of the float32 network that
    it began as, on the same pictures, for `train.export.model_card` to compare. Where there is none
    to compare with, that is said, and the card is as it was.

    Raises:
        ModelError: more is lost than `train.export.int8_loss.MAX_INT8_LOSS` allow.
    """
    try:
        before = _before_rounding(recipe)
    except UserError as error:
        progress.say(f"INT8 is not compared with float32: {error}")
        return card
    made = draft.with_name("float32.onnx")
    with progress.task("measure the float32 network that it began as"):
        write_onnx(
            through_half(before),
            replace(card, precision="fp32", calibration={}, thresholds={}, metrics=()),
            made,
        )
        whole = measured(Predictor(made), (), val_parts)
    instead = "train on with --resume and more --epochs, or export the float32 run instead"
    int8_loss.check_int8_loss(
        int8_loss.validation_figures(whole), int8_loss.validation_figures(card), instead
    )
    rows = [
        {**m, "metric": BEFORE.format(m["metric"])}
        for m in whole.metrics
        if m["metric"] in CARD_METRICS.values() and not m.get("group")
    ]
    return replace(card, metrics=(*card.metrics, *rows))


def _before_rounding(recipe: Recipe) -> nn.Module:
    """The float32 network that one which learnt to round began as, past others that round; it looks
    at a mirror image where that does.

    Raises:
        UserError: there is none that reads the same crops with the same heads; says why.
    """
    mirror = recipe.model.options.get("mirror")
    source, passed = recipe, list[str]()
    while source.qat:
        if len(source.starts) != 1 or source.starts[0] in passed:
            raise UserError(f"Expected one run that it began as, got {source.start or 'none'}.")
        passed += source.starts
        before, source = load_network(
            passed[-1], [] if mirror is None else [f"model.options.mirror={mirror}"]
        )
    if (source.input, source.heads) != (recipe.input, recipe.heads):
        raise UserError(
            f"Expected {passed[-1]} to read the same crops with the same heads, got others."
        )
    return before


def half_weights(model: nn.Module) -> dict[str, Tensor]:
    """The state as contiguous float16 (counters as they are): half the bytes, and exact after
    `through_half`.
    """
    return {
        k: (v.half() if v.is_floating_point() else v).contiguous()
        for k, v in model.state_dict().items()
    }


def through_half(model: nn.Module) -> nn.Module:
    """`model` with every weight rounded to what float16 can hold, so that the small file and the
    ONNX file are the same network.
    """
    model.load_state_dict(
        {k: v.float() if v.is_floating_point() else v for k, v in half_weights(model).items()}
    )
    return model


class _Ordered(nn.Module):
    """The exporter wants a tuple: heads in the recipe's order, then the embedding."""

    def __init__(self, model: nn.Module, names: Sequence[str]) -> None:
        super().__init__()
        self.model, self.names = model, tuple(names)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        out = self.model(image)
        return tuple(out[n] for n in self.names)


def write_onnx(model: nn.Module, card: Card, path: Path) -> None:
    """One self-contained file with a free batch dimension: input `image`, one output per head,
    `embedding`; without training branches. A network that rounds becomes INT8.
    """
    whole = qat.is_quantization_aware(model)
    model, spec = qat_onnx.for_onnx(model) if whole else reparameterize(model), card.input
    names = [h.task for h in card.heads] + ["embedding"]
    example = torch.zeros(2, spec.channels, spec.size, spec.size)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter deprecates its own internals
        torch.onnx.export(
            _Ordered(model, names).eval(),
            (example,),
            path,
            input_names=["image"],
            output_names=[h.output for h in card.heads] + ["embedding"],
            dynamic_shapes={"image": {0: torch.export.Dim("n")}},
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    if whole:
        qat_onnx.store_int8_weights(path)
    set_card(path, card)


def set_card(path: Path, card: Card) -> None:
    """Puts the card into the model file's metadata, in place of an older one, and drops the
    exporter's notes about our source files.
    """
    import onnx

    model = onnx.load(path)
    onnx.helper.set_model_props(model, {KEY: card.to_json()})
    for node in model.graph.node:
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
    onnx.save(model, path)


def random_crops(recipe: Recipe, n: int = 16) -> np.ndarray:
    """uint8 noise (n, S, S, C), for a parity check without data."""
    spec = recipe.input
    return np.random.default_rng(0).integers(
        0, 256, (n, spec.size, spec.size, spec.channels), np.uint8
    )


def parity(model: nn.Module) -> float:
    """Largest difference that `check_parity` allows."""
    return ROUNDED_PARITY if qat.is_quantization_aware(model) else PARITY


def check_parity(model: nn.Module, path: Path, crops: np.ndarray) -> float:
    """Largest difference of calibrated probabilities between torch and ONNX Runtime; of years, for
    a regression, as a share of them.

    Raises:
        ModelError: it is over what `parity` allows.
    """
    served = Predictor(path)
    spec = served.card.input
    worst = _difference(served, outputs(model, crops, spec), served.logits(to_input(crops, spec)))
    if not worst <= parity(model):
        raise ModelError(
            f"Expected ONNX Runtime to agree with torch within {parity(model)}, got a difference of {worst:.2g}."
        )
    return worst


def logits_apart(model: nn.Module, path: Path, crops: np.ndarray) -> float:
    """Largest difference of raw outputs between torch and ONNX Runtime: what
    `evaluation.report.gates` means by onnx_parity. Of an INT8 file it is that of the float32 file
    which it is made from; what the rounding costs is measured on validation.
    """
    served = Predictor(path)
    spec = served.card.input
    ours, theirs = outputs(model, crops, spec), served.logits(to_input(crops, spec))
    return max(float(np.abs(ours[task] - theirs[task]).max()) for task in theirs)


def check_fused(model: nn.Module, fused: nn.Module, served: Predictor, crops: np.ndarray) -> float:
    """Largest difference, as in `check_parity`, between a network and what `fuse` made of it.
    served: calibrates. Both compute in float64: float32 rounds a deep network's outputs by more
    than that however it is written.

    Raises:
        ModelError: it is over `FUSED`.
    """
    x = torch.from_numpy(to_input(crops, served.card.input)).double()
    with torch.inference_mode():
        ours, theirs = (copy.deepcopy(m).eval().double()(x) for m in (model, fused))
    worst = _difference(served, *({k: v.numpy() for k, v in out.items()} for out in (ours, theirs)))
    if not worst <= FUSED:
        raise ModelError(
            f"Expected the folded network to agree with its training form within {FUSED}, got a difference of {worst:.2g}."
        )
    return worst


def _difference(
    served: Predictor, ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray]
) -> float:
    a, b = served.calibrate(ours), served.calibrate(theirs)
    years = {h.task for h in served.card.heads if h.kind == "regression"}
    return max(
        float((np.abs(a[k] - b[k]) / (np.maximum(1.0, np.abs(a[k])) if k in years else 1.0)).max())
        for k in a
    )
