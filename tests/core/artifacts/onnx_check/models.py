"""Small ONNX models for the tests of what is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from core.artifacts.card import KEY, Card, Head
from core.preprocess import InputSpec

SIZE = 48
PIXELS = SIZE * SIZE
HEAD = Head("emotion", "softmax", ("neutral", "fear"), "emotion")
CARD = Card("tiny", "0", InputSpec(size=SIZE), (HEAD,)).to_json()
IMAGE = ["n", 1, SIZE, SIZE]
PREDICTS = (
    helper.make_node("Flatten", ["image"], ["flat"]),
    helper.make_node("MatMul", ["flat", "w"], ["emotion"]),
)
WEIGHTS = {"w": np.zeros((PIXELS, 2), np.float32)}


def model(
    nodes: Sequence[onnx.NodeProto] = (),
    constants: Mapping[str, np.ndarray] | None = None,
    *,
    card: str = CARD,
) -> onnx.ModelProto:
    """A model that predicts, and also has `nodes` and `constants`."""
    weights = {**WEIGHTS, **(constants or {})}
    graph = helper.make_graph(
        [*nodes, *PREDICTS],
        "g",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, IMAGE)],
        [helper.make_tensor_value_info("emotion", TensorProto.FLOAT, ["n", 2])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    helper.set_model_props(proto, {KEY: card})
    return proto


def write(folder: Path, content: onnx.ModelProto | bytes) -> Path:
    path = folder / "model.onnx"
    path.write_bytes(content if isinstance(content, bytes) else content.SerializeToString())
    return path
