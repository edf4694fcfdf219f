"""Model files as every command opens them: mutated, and valid ones that ask for much."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from core.artifacts import bundle
from core.artifacts.card import KEY, Card, Head
from core.artifacts.onnx_check.cost import RULES
from core.labels import GENDER2
from core.predictor import Predictor
from core.preprocess import InputSpec
from scripts.fuzz.mutate import mutate

SIZE = 48
OTHERS = ("Loop", "If", "Scan", "Tile", "Range", "Resize", "OneHot", "NonZero", "Einsum", "TopK")
ODD_VALUES: tuple[object, ...] = (
    None,
    [],
    {},
    "x" * 10_000,
    -1,
    1e308,
    True,
    [[[]]],
    {"a": {"b": []}},
    "\x00",
)


def prepare(rng: np.random.Generator, folder: Path) -> Callable[[], object]:
    """Write one hostile model and return its opening and a first prediction."""
    make = MAKERS[int(rng.integers(len(MAKERS)))]
    path = folder / bundle.MODEL_FILE
    path.write_bytes(make(rng))
    return lambda: _open(path)


def _open(path: Path) -> None:
    predictor = Predictor(path)
    predictor.predict_crops(predictor.blank(2))


def _card(**changes: object) -> str:
    head = Head("gender", "softmax", GENDER2.labels, "gender")
    card = Card("tiny", "0", InputSpec(size=SIZE), (head,)).to_json()
    return json.dumps({**json.loads(card), **changes})


def _model(nodes: list[onnx.NodeProto], constants: list[onnx.TensorProto], card: str) -> bytes:
    weights = numpy_helper.from_array(np.zeros((SIZE * SIZE, 2), np.float32), "weights")
    predicts = [
        helper.make_node("Flatten", ["image"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["gender"]),
    ]
    graph = helper.make_graph(
        [*nodes, *predicts],
        "g",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 1, SIZE, SIZE])],
        [helper.make_tensor_value_info("gender", TensorProto.FLOAT, ["n", 2])],
        [weights, *constants],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    helper.set_model_props(model, {KEY: card})
    content: bytes = model.SerializeToString()
    return content


@cache
def _valid() -> bytes:
    kernel = numpy_helper.from_array(np.ones((4, 1, 3, 3), np.float32), "kernel")
    conv = helper.make_node("Conv", ["image", "kernel"], ["c"], pads=[1] * 4, strides=[2, 2])
    shape = helper.make_node("Shape", ["c"], ["s"])
    filled = helper.make_node("ConstantOfShape", ["s"], ["f"])
    return _model([conv, shape, filled], [kernel], _card())


def _mutated(rng: np.random.Generator) -> bytes:
    """Damage the structure: the card and the last kilobytes rather than the zeros between."""
    data = _valid()
    place = int(rng.choice([0, len(data) - 2_000]))
    return data[:place] + mutate(data[place : place + 2_000], rng) + data[place + 2_000 :]


def _odd_card(rng: np.random.Generator) -> bytes:
    names = (
        *("name", "input", "heads", "calibration", "thresholds", "recipe", "data", "metrics"),
        *("priors", "operating_points", "operating_point", "gender_from_age"),
    )
    value = ODD_VALUES[int(rng.integers(len(ODD_VALUES)))]
    most = 5 if len(str(value)) < 100 else 2  # so that a case is made in no time
    repeated = [value] * int(10 ** rng.uniform(0, most)) if rng.integers(2) else value
    return _model([], [], _card(**{str(rng.choice(names)): repeated}))


def _operators(rng: np.random.Generator) -> bytes:
    """Return up to 30 operators with large or odd sizes and attributes, on each other's results."""
    names = ["image"]
    constants, nodes = [], []
    for i in range(int(rng.integers(1, 30))):
        sizes = (10 ** rng.uniform(-1, rng.choice([1, 3, 12]), int(rng.integers(0, 5)))).astype(int)
        if rng.integers(2):
            values = sizes.astype(np.int64)
        else:
            values = np.zeros([min(int(n), 60) for n in sizes], np.float32)
        constants.append(numpy_helper.from_array(values, f"k{i}"))
        operator = str(rng.choice([*RULES, *OTHERS]))
        inputs = [str(n) for n in rng.choice([*names, f"k{i}"], int(rng.integers(1, 4)))]
        attributes: dict[str, Any] = {}
        if operator in ("Conv", "MaxPool", "AveragePool"):
            attributes = {"pads": [int(10 ** rng.uniform(0, 9))] * 4, "kernel_shape": [3, 3]}
        if operator in ("Concat", "Gather", "Split", "Flatten") or operator.startswith("Softmax"):
            attributes["axis"] = int(rng.integers(-5, 5))
        if operator == "Cast":
            attributes["to"] = int(rng.integers(1, 17))
        nodes.append(helper.make_node(operator, inputs, [f"o{i}"], **attributes))
        names.append(f"o{i}")
    return _model(nodes, constants, _card())


def _growing(rng: np.random.Generator) -> bytes:
    """Return sizes that grow with every operator."""
    operator = str(rng.choice(["Concat", "Expand", "Pad", "Add", "MatMul"]))
    n = int(rng.integers(2, 60))
    names = [f"g{i}" for i in range(n)]
    side = int(10 ** rng.uniform(1, 4))
    constants = [
        numpy_helper.from_array(np.zeros((side, 1), np.float32), "g0"),
        numpy_helper.from_array(np.zeros((1, side), np.float32), "row"),
        numpy_helper.from_array(np.array([side, side], np.int64), "sizes"),
        numpy_helper.from_array(np.array([side, side, side, side], np.int64), "margins"),
    ]
    second = {"Expand": "sizes", "Pad": "margins", "Add": "row", "MatMul": "row"}.get(operator)
    axis: dict[str, Any] = {"axis": 0} if operator == "Concat" else {}
    nodes = [
        helper.make_node(
            operator,
            [before, second or before],
            [after],
            **axis,
        )
        for before, after in pairwise(names)
    ]
    return _model(nodes, constants, _card())


MAKERS = (_mutated, _mutated, _odd_card, _operators, _operators, _growing)
