"""Static INT8 of an exported network (Jacob et al., arXiv 1712.05877).

Activations have 8 bits, weights 7 bits by channel, in QDQ form. Weights keep to 7 bits
(`reduce_range`) for processors without VNNI: they add pairs of products in 16 bits, which 8-bit
weights overflow. The ranges of the activations are measured on training crops. The first
convolution, the pooled embedding and the heads stay float32.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.files import scratch_folder
from core.preprocess import InputSpec, to_input
from train.batches.data import DatasetPart

if TYPE_CHECKING:
    from onnx import NodeProto

CALIBRATION_CROPS = 512
"""Training crops on which the ranges are measured, as many of each data set."""
BATCH_SIZE = 32
MAX_ATTEMPTS = 3
"""Samples of training crops to try: which one is drawn moves accuracy by a tenth of a point."""
POOLING_OPS = (
    "MaxPool",
    "AveragePool",
    "GlobalAveragePool",
    "ReduceMean",
    "Reshape",
    "Flatten",
    "Squeeze",
    "Identity",
)
"""Operators that may stand between the last convolution and the embedding."""
FLIP_MEAN_OPS = ("Div", "Add", "Slice")
"""The operators of flip averaging (`Network.mirror`), the last first."""


def calibration_crops(
    parts: Sequence[DatasetPart], n: int = CALIBRATION_CROPS, seed: int = 0
) -> NDArray[np.uint8]:
    """Return a random sample of about `n` crops (n, S, S, C), as many of each part as it has.

    Never pass parts that are validated on.
    """
    rng = np.random.default_rng(seed)
    share = -(-n // len(parts))
    crops = np.concatenate(
        [p.crops[np.sort(rng.choice(len(p), min(share, len(p)), replace=False))] for p in parts]
    )
    return crops[rng.permutation(len(crops))]  # so that each batch has crops of all parts


def to_int8(source: Path, target: Path, crops: NDArray[np.uint8], spec: InputSpec) -> None:
    """Write the INT8 form of the float32 ONNX file `source` to `target`, without a card.

    Args:
        source: the float32 file.
        target: the INT8 file.
        crops: uint8 (N, S, S, C) on which the ranges of activations are measured.
        spec: how the network takes its crops.
    """
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with scratch_folder(target) as scratch:
        ready = scratch / "ready.onnx"
        quant_pre_process(source, ready, skip_symbolic_shape=True)
        quantize_static(
            ready,
            target,
            _CropReader(crops, spec),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=float_nodes(ready),
            # the mean of the batches' extremes: the very largest is one pixel of one image
            extra_options={"CalibMovingAverage": True},
        )


class _CropReader:
    """Batches in the form that ONNX Runtime's calibration reads."""

    def __init__(self, crops: NDArray[np.uint8], spec: InputSpec) -> None:
        starts = range(0, len(crops), BATCH_SIZE)
        self._batches: Iterator[dict[str, NDArray[np.float32]]] = (
            {"image": to_input(crops[i : i + BATCH_SIZE], spec)} for i in starts
        )

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        return next(self._batches, None)


def float_nodes(path: Path) -> list[str]:
    """Return the names of the nodes of an ONNX file that stay float32.

    These are the first convolution (what it would save cannot be measured, what it would cost can),
    the pooling that makes the embedding, and the heads that read it.
    """
    import onnx

    graph = onnx.load(path).graph
    producers = {name: node for node in graph.node for name in node.output}
    names = [node.name for node in graph.node if node.op_type == "Conv"][:1]
    value = "embedding"
    if _ends_with(producers, value, FLIP_MEAN_OPS):  # then the heads read what is averaged
        for _ in FLIP_MEAN_OPS:
            value = producers[value].input[0]
    kept_values = {"embedding"}
    while value in producers and producers[value].op_type in POOLING_OPS:
        names.append(producers[value].name)
        kept_values.add(value)
        value = producers[value].input[0]
    for node in graph.node:  # in the order of computation
        if kept_values & set(node.input):
            names.append(node.name)
            kept_values |= set(node.output)
    return names


def _ends_with(producers: Mapping[str, NodeProto], value: str, ops: Sequence[str]) -> bool:
    """Return whether `value` comes from operators of these kinds, the last first."""
    for op in ops:
        if value not in producers or producers[value].op_type != op:
            return False
        value = producers[value].input[0]
    return True
