"""Write a network as one ONNX file with its card inside."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from core.artifacts.card import KEY, Card
from train.compression import qat, qat_onnx
from train.compression.fold_batchnorm import reparameterize

OPSET = 18


def half_weights(model: nn.Module) -> dict[str, Tensor]:
    """Return the network's state as contiguous float16; counters stay whole numbers.

    It takes half the bytes, and is exact after `round_to_half`.

    Returns:
        Name -> tensor, in the shapes of `model.state_dict()`.
    """
    return {
        k: (v.half() if v.is_floating_point() else v).contiguous()
        for k, v in model.state_dict().items()
    }


def round_to_half(model: nn.Module) -> nn.Module:
    """Round every weight of `model` in place to what float16 can hold, and return it.

    So the small weights file and the ONNX file are the same network.
    """
    model.load_state_dict(
        {k: v.float() if v.is_floating_point() else v for k, v in half_weights(model).items()}
    )
    return model


class _OrderedOutputs(nn.Module):
    """The exporter needs a tuple: heads in the recipe's order, then the embedding."""

    def __init__(self, model: nn.Module, names: Sequence[str]) -> None:
        super().__init__()
        self.model, self.names = model, tuple(names)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        outputs = self.model(image)
        return tuple(outputs[name] for name in self.names)


def trace(model: nn.Module, example: Tensor, path: Path, outputs: Sequence[str]) -> None:
    """Write a network as one ONNX file with a free batch dimension.

    Args:
        model: takes one tensor, `image` in the file.
        example: of that input, (2, ...).
        path: the file.
        outputs: names of what it returns.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter deprecates its own internals
        torch.onnx.export(
            model.eval(),
            (example,),
            path,
            input_names=["image"],
            output_names=list(outputs),
            dynamic_shapes=({0: torch.export.Dim("n")},),
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )


def write_onnx(model: nn.Module, card: Card, path: Path) -> None:
    """Write one self-contained file with a free batch dimension, without training branches.

    Input `image`, one output per head, `embedding`. A network from quantisation-aware training
    becomes INT8.
    """
    is_quantised, spec = qat.is_quantization_aware(model), card.input
    deployed = qat_onnx.for_onnx(model) if is_quantised else reparameterize(model)
    # Of weights in channels-last order the exporter makes slower operators (`as_strided`).
    deployed.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]  # torch declares no layout alone
    names = [h.task for h in card.heads] + ["embedding"]
    example = torch.zeros(2, spec.channels, spec.size, spec.size)
    trace(
        _OrderedOutputs(deployed, names),
        example,
        path,
        [h.output for h in card.heads] + ["embedding"],
    )
    if is_quantised:
        qat_onnx.store_int8_weights(path)
    set_card(path, card)


def set_card(path: Path, card: Card) -> None:
    """Put the card into the model file's metadata, in place of an older one.

    The exporter's notes about our source files are dropped.
    """
    import onnx

    model = onnx.load(path)
    onnx.helper.set_model_props(model, {KEY: card.to_json()})
    for node in model.graph.node:
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
    onnx.save(model, path)
