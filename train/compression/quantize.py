"""Static INT8 of an exported network (Jacob et al., arXiv 1712.05877): 8-bit activations, weights
of 7 bits by channel, in QDQ form.

Weights keep to 7 bits (`reduce_range`) for processors without VNNI: they add pairs of products in
16 bits, which 8-bit weights overflow. The ranges of the activations are measured on training
pictures. The first convolution, the pooled embedding and the heads stay float32.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from core import progress
from core.artifacts.card import Card
from core.errors import ModelError
from core.preprocess import InputSpec, to_input
from train.batches.data import Part
from train.runs.card_metrics import pooled_metric

PICTURES = 512
"""Training crops that show the ranges, as many of each data set."""
BATCH = 32
LIMITS = {"emotion_accuracy": 0.003, "gender_accuracy": 0.003, "age_mae": 0.05}
"""What INT8 may lose against float32 on validation: a share, a share, years."""
LEAST = 334
"""Samples from which one more mistake is at most 0.3 points: with fewer, a loss is told and not
judged.
"""
TRIES = 3
"""Samples of training crops that may show the ranges: which one does moves accuracy by a tenth of a
point either way.
"""
CARRIED = (
    "MaxPool",
    "AveragePool",
    "GlobalAveragePool",
    "ReduceMean",
    "Reshape",
    "Flatten",
    "Squeeze",
    "Identity",
)
"""Between the last convolution and the embedding."""
MEAN = ("Div", "Add", "Slice")
"""How `Network.mirror` makes the mean of both halves of a batch, the last first."""


def calibration_crops(parts: Sequence[Part], n: int = PICTURES, seed: int = 0) -> np.ndarray:
    """A sample of about `n` crops (n, S, S, C), as many of each part where it has them; never give
    it what is validated on.
    """
    rng = np.random.default_rng(seed)
    share = -(-n // len(parts))
    crops = np.concatenate(
        [p.crops[np.sort(rng.choice(len(p), min(share, len(p)), replace=False))] for p in parts]
    )
    return crops[rng.permutation(len(crops))]  # each batch sees all parts


def to_int8(source: Path, target: Path, crops: np.ndarray, spec: InputSpec) -> None:
    """Writes the INT8 form of the float32 ONNX file `source`, without a card. crops: uint8 (N, S,
    S, C) that show the ranges.
    """
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with TemporaryDirectory(dir=target.parent) as scratch:
        ready = Path(scratch) / "ready.onnx"
        quant_pre_process(source, ready, skip_symbolic_shape=True)
        quantize_static(
            ready,
            target,
            _Reader(crops, spec),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=float_nodes(ready),
            extra_options={
                "CalibMovingAverage": True
            },  # the mean of the batches' extremes: the very largest is one pixel of one picture
        )


class _Reader:
    """Batches in the form that ONNX Runtime's calibration asks for."""

    def __init__(self, crops: np.ndarray, spec: InputSpec) -> None:
        batches: Iterator[np.ndarray] = (crops[i : i + BATCH] for i in range(0, len(crops), BATCH))
        self._inputs = ({"image": to_input(batch, spec)} for batch in batches)

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._inputs, None)


def float_nodes(path: Path) -> list[str]:
    """Names of the nodes that stay float32: the first convolution (what it would save is not
    measurable, what it would cost is), the pooling that makes the embedding, and the heads that
    read it.
    """
    import onnx

    graph = onnx.load(path).graph
    made_by = {name: node for node in graph.node for name in node.output}
    names, value = [node.name for node in graph.node if node.op_type == "Conv"][:1], "embedding"
    if _made_of(made_by, value, MEAN):  # over the mirror image: what the heads read is before it
        for _ in MEAN:
            value = made_by[value].input[0]
    below = {"embedding"}
    while value in made_by and made_by[value].op_type in CARRIED:
        names.append(made_by[value].name)
        below.add(value)
        value = made_by[value].input[0]
    for node in graph.node:  # in the order of computation
        if below & set(node.input):
            names.append(node.name)
            below |= set(node.output)
    return names


def _made_of(made_by: Mapping[str, Any], value: str, kinds: Sequence[str]) -> bool:
    """Whether `value` comes from nodes of these kinds, the last first."""
    for kind in kinds:
        if value not in made_by or made_by[value].op_type != kind:
            return False
        value = made_by[value].input[0]
    return True


def scores(card: Card) -> dict[str, tuple[float, int]]:
    """The figures of `LIMITS` that a card has, of calibrated answers over all validation parts,
    each with its n.
    """
    return {name: (found.value, found.n) for name in LIMITS if (found := pooled_metric(card, name))}


def check_loss(
    before: Mapping[str, tuple[float, int]],
    after: Mapping[str, tuple[float, int]],
    instead: str = "export without --int8, or train with --set qat=true",
) -> dict[str, float]:
    """What INT8 loses by figure, from the `scores` of the float32 file's card and of the INT8
    file's; negative where it gains. It is also said. instead: the way out where it is too much.

    Raises:
        ModelError: more than `LIMITS` allow, on samples enough to tell.
    """
    lost = {k: (after[k][0] - before[k][0]) * (1 if k == "age_mae" else -1) for k in before}
    unit = {k: "years" if k == "age_mae" else "points" for k in lost}
    for k, v in lost.items():
        size = (1 if k == "age_mae" else 100) * np.array([before[k][0], after[k][0], v])
        what = f"{k.replace('_', ' ')}: float32 {size[0]:.3f}, INT8 {size[1]:.3f}, loses {size[2]:.3f} {unit[k]}, n {before[k][1]}"
        progress.say(what)
        if before[k][1] >= LEAST and v > LIMITS[k]:
            limit = LIMITS[k] * (1 if k == "age_mae" else 100)
            raise ModelError(
                f"Expected INT8 to lose at most {limit:g} {unit[k]}, got {what}; {instead}."
            )
    return lost
