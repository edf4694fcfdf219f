"""Hostile models are refused before ONNX Runtime sees them, in no time, always as `ModelError`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from core.artifacts import bundle
from core.artifacts.card import MAX_CARD_BYTES
from core.artifacts.card_rows import MAX_METRIC_ROWS
from core.artifacts.onnx_check.protobuf import MAX_FIELDS
from core.errors import ModelError
from core.predictor import Predictor
from tests.conftest import ROOT
from tests.core.artifacts.onnx_check.models import CARD, IMAGE, SIZE, model, write

LARGEST_SIZE = np.array([2**62], np.int64)
MANY = np.array([10**9], np.int64)


def node(operator: str, inputs: str, output: str = "x", **attributes: object) -> onnx.NodeProto:
    return helper.make_node(operator, inputs.split(), [output], **attributes)


def loop() -> onnx.ModelProto:
    body = helper.make_graph(
        [node("Identity", "c", "d")],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("c", TensorProto.BOOL, []),
        ],
        [helper.make_tensor_value_info("d", TensorProto.BOOL, [])],
    )
    return model(
        [node("Loop", "times yes", "", body=body)],
        {"times": np.array(2**62, np.int64), "yes": np.array(True)},
    )


def branch() -> onnx.ModelProto:
    side = helper.make_graph(
        [node("Identity", "image", "o")],
        "s",
        [],
        [helper.make_tensor_value_info("o", TensorProto.FLOAT, IMAGE)],
    )
    return model([node("If", "yes", then_branch=side, else_branch=side)], {"yes": np.array(True)})


def doubling() -> onnx.ModelProto:
    names = ["image", *(f"d{i}" for i in range(40))]
    return model([node("Concat", f"{a} {a}", b, axis=3) for a, b in pairwise(names)])


def repeated_constants() -> onnx.ModelProto:
    """4,000 sums of a column and a row, each of 16 million numbers, which are computed once."""
    nodes = [node("Add", "column row", f"s{i}") for i in range(4_000)]
    sizes = {"column": np.zeros((4000, 1), np.float32), "row": np.zeros((1, 4000), np.float32)}
    return model(nodes, sizes)


def function() -> onnx.ModelProto:
    proto = model([node("f", "image", domain="own")])
    proto.functions.append(
        helper.make_function("own", "f", ["a"], ["b"], [node("Relu", "a", "b")], [])
    )
    return proto


def external() -> onnx.ModelProto:
    proto = model()
    tensor = proto.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    return proto


def claims_more() -> onnx.ModelProto:
    proto = model()
    proto.graph.initializer[0].dims[0] = 10**9
    return proto


def sparse() -> onnx.ModelProto:
    proto = model()
    proto.graph.sparse_initializer.add().dims.extend([10**9, 10**9])
    return proto


def deep() -> onnx.ModelProto:
    proto = model([node("Identity", "image", "a0")])
    proto.graph.node.extend(node("Relu", f"a{i}", f"a{i + 1}") for i in range(6_000))
    return proto


def padded() -> onnx.ModelProto:
    return model(
        [node("Conv", "image kernel", pads=[10**5] * 4)],
        {"kernel": np.zeros((1, 1, 3, 3), np.float32)},
    )


HOSTILE: dict[str, Callable[[], onnx.ModelProto]] = {
    "loop": loop,
    "branch": branch,
    "function": function,
    "other domain": lambda: model([node("FusedConv", "image", domain="com.microsoft")]),
    "unknown operator": lambda: model([node("Range", "image image image")]),
    "constant of 10^9": lambda: model([node("ConstantOfShape", "n")], {"n": MANY}),
    "constant of 2^62": lambda: model([node("ConstantOfShape", "n")], {"n": LARGEST_SIZE}),
    "expanded": lambda: model([node("Expand", "image n")], {"n": MANY}),
    "repeated": lambda: model([node("Tile", "image n")], {"n": np.array([1, 1, 9**6, 9**6])}),
    "resized": lambda: model([node("Resize", "image  s")], {"s": np.float32([1, 1, 1e5, 1e5])}),
    "margins": lambda: model(
        [node("Pad", "image p")], {"p": np.array([0, 0, 0, 0, 0, 0, 0, 10**9])}
    ),
    "margins of a convolution": padded,
    "doubling": doubling,
    "outer product": lambda: model(
        [node("MatMul", "a b")],
        {"a": np.zeros((40_000, 1), np.float32), "b": np.zeros((1, 40_000), np.float32)},
    ),
    "broadcast": lambda: model(
        [node("Add", "a b")],
        {"a": np.zeros((40_000, 1), np.float32), "b": np.zeros((1, 40_000), np.float32)},
    ),
    "wide convolution": lambda: model(
        [node("Conv", "image k", pads=[1] * 4)], {"k": np.zeros((100_000, 1, 3, 3), np.float32)}
    ),
    "sizes from the input": lambda: model(
        [node("Cast", "image", "i", to=TensorProto.INT64), node("ConstantOfShape", "i")]
    ),
    "sizes that wrap": lambda: model(
        [node("Mul", "a a", "b"), node("ConstantOfShape", "b")], {"a": np.array([2**33 + 1])}
    ),
    "many constants": repeated_constants,
    "external data": external,
    "a tensor that claims more": claims_more,
    "sparse": sparse,
    "many operators": deep,
    "a name twice": lambda: model([node("Relu", "image", "w")]),
    "no such input": lambda: model([node("Relu", "nothing")]),
    "text tensor": lambda: model(
        [node("Constant", "", value=helper.make_tensor("t", TensorProto.STRING, [1], [b"x"]))]
    ),
    "card of 100 MB": lambda: model(card="x" * 100_000_000),
    "300,000 metric rows": lambda: model(card=rows(300_000)),
    "metric rows": lambda: model(card=rows(MAX_METRIC_ROWS + 1)),
    "no card": lambda: model(card=""),
}


def rows(n: int) -> str:
    row = {"data": "d", "split": "v", "metric": "m", "value": 0.5}
    return json.dumps({**json.loads(CARD), "metrics": [row] * n})


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_models_never_reach_the_runtime(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, HOSTILE[kind]())
    monkeypatch.setattr(ort, "InferenceSession", None)
    start = time.process_time()
    with pytest.raises(ModelError) as error:
        bundle.load(path)
    assert time.process_time() - start < 1.0
    assert len(str(error.value)) < 1_000


def test_the_template_of_the_hostile_models_opens(tmp_path: Path) -> None:
    assert bundle.load(write(tmp_path, model([node("Relu", "image")]))).card.name == "tiny"
    rich = bundle.load(write(tmp_path, model(card=rows(MAX_METRIC_ROWS)))).card
    assert len(rich.metrics) == MAX_METRIC_ROWS and len(rich.to_json()) < MAX_CARD_BYTES


def test_graphs_in_one_file_are_not_merged(tmp_path: Path) -> None:
    """Protocol Buffers merge a message that stands twice: the second may add what is refused."""
    second = onnx.ModelProto()
    second.graph.node.append(node("ConstantOfShape", "n"))
    content = model().SerializeToString() + second.SerializeToString()
    with pytest.raises(ModelError, match="one `graph`"):
        bundle.load(write(tmp_path, content))


def test_many_fields_are_refused_at_once(tmp_path: Path) -> None:
    content = b"\x38\x00" * (MAX_FIELDS + 1) + model().SerializeToString()
    start = time.process_time()
    with pytest.raises(ModelError):
        bundle.load(write(tmp_path, content))
    assert time.process_time() - start < 1.0


def test_sums_of_constants_that_stay_in_memory_are_refused(tmp_path: Path) -> None:
    """Each is small enough; ONNX Runtime computes them all when it opens the file."""
    sums = [node("Add", f"{'k' if i == 0 else f's{i - 1}'} row", f"s{i}") for i in range(4)]
    constants = {"k": np.zeros((3000, 1), np.float32), "row": np.zeros((1, 3000), np.float32)}
    with pytest.raises(ModelError, match="computed at the start"):
        bundle.load(write(tmp_path, model(sums, constants)))


def test_trusted_models_are_opened_with_other_operators(tmp_path: Path) -> None:
    path = write(tmp_path, model([node("Range", "a a b")], dict.fromkeys("ab", np.array(1))))
    with pytest.raises(ModelError, match=r"'Range'.*--trust"):
        Predictor(path)
    assert Predictor(path, is_trusted=True).card.name == "tiny"


def test_a_network_that_fails_or_takes_too_long_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trusted files too: they are run once."""
    times = {"n": np.array([300] * 2), "s": np.array([2, SIZE])}
    fails = model([node("Reshape", "image s", "y"), node("Relu", "y")], times)
    with pytest.raises(ModelError, match="predicts a face"):
        bundle.load(write(tmp_path, fails), is_trusted=True)
    slow = [node("ConstantOfShape", "n", "a0")]
    slow += [node("MatMul", f"a{i} a{i}", f"a{i + 1}") for i in range(50)]
    slow += [node("ReduceSum", "a50", "sum", keepdims=0), node("Add", "sum flat", "late")]
    proto = model(slow, {"n": np.array([300, 300])})
    proto.graph.node.insert(0, proto.graph.node[-2])
    del proto.graph.node[-2]
    proto.graph.node[-1].input[0] = "late"
    path = write(tmp_path, proto)
    bundle.load(path, is_trusted=True)
    monkeypatch.setattr(bundle, "MAX_TRIAL_SECONDS", 0.0)
    with pytest.raises(ModelError, match="predicts a face in 0 seconds"):
        for _ in range(50):  # the timer may come after the end of a fast run
            bundle.load(path, is_trusted=True)


def test_errors_of_the_runtime_are_model_errors(tmp_path: Path) -> None:
    """A network that takes one face at a time only."""
    proto = model([node("Reshape", "image s", "one")], {"s": np.array([1, SIZE * SIZE])})
    proto.graph.node[2].input[0] = "one"
    predictor = Predictor(write(tmp_path, proto))
    assert predictor.predict_crops(predictor.blank(1))
    with pytest.raises(ModelError, match="predict 2 faces"):
        predictor.predict_crops(predictor.blank(2))


DAMAGED = model(
    [node("Conv", "image k", "c", pads=[1] * 4), node("Relu", "c"), node("Shape", "x", "s")],
    {"k": np.zeros((2, 1, 3, 3), np.float32)},
).SerializeToString()


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_files_are_model_errors_or_open(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = bytearray(DAMAGED)
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(content) - 1))
        if data.draw(st.booleans()):
            content[place] = data.draw(st.integers(0, 255))
        else:
            del content[place : place + data.draw(st.integers(1, 40))]
    path = write(tmp_path_factory.getbasetemp(), bytes(content))
    try:
        bundle.load(path)
    except ModelError as error:
        assert str(error)


def test_the_shipped_model_opens() -> None:
    assert bundle.load(ROOT / "assets" / "models" / "mien").card.name == "mien"
