"""Sizes that are known beforehand are those that ONNX Runtime computes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from core.artifacts.onnx_check.cost import RULES, cost
from core.artifacts.onnx_check.graph import read_graph
from core.artifacts.onnx_check.limits import check_cost
from core.errors import ModelError
from tests.conftest import ROOT

PICTURE = (1, 3, 9, 8)


def single(
    operator: str,
    constants: Mapping[str, np.ndarray],
    shape: Sequence[int] = PICTURE,
    outputs: int = 1,
    **attributes: object,
) -> onnx.ModelProto:
    """A model of one operator on `x` of `shape` and on constants."""
    names = [f"y{i}" for i in range(outputs)]
    nodes = [helper.make_node(operator, ["x", *constants], names, **attributes)]
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, list(shape))
    graph = helper.make_graph(
        nodes,
        "g",
        [value],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in names],
        [numpy_helper.from_array(v, n) for n, v in constants.items()],
    )
    for output in graph.output:  # their sizes are what is asked for
        output.type.tensor_type.shape.SetInParent()
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def check(model: onnx.ModelProto, shape: Sequence[int] = PICTURE) -> bool:
    """Compare the number of computed elements with ONNX Runtime's; False where it does not run."""
    picture = np.random.default_rng(0).random(shape).astype(np.float32)
    untyped = onnx.ModelProto.FromString(model.SerializeToString())
    for output in untyped.graph.output:
        output.ClearField("type")
    options = ort.SessionOptions()
    options.log_severity_level = 4
    try:
        session = ort.InferenceSession(
            untyped.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        results = session.run(None, {"x": picture})
    except Exception:  # not an operator of these sizes, whatever it raises
        return False
    try:
        result = cost(read_graph(model.SerializeToString()))
    except ModelError as error:  # ONNX Runtime divides such sizes towards 0
        assert "a window larger than the picture" in str(error)
        return False
    assert result.computed + result.prepared == sum(int(np.size(r)) for r in results)
    return True


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


CASES: dict[str, tuple[str, dict[str, np.ndarray], dict[str, object]]] = {
    "flatten": ("Flatten", {}, {"axis": 2}),
    "matmul": ("MatMul", {"b": np.ones((8, 5), np.float32)}, {}),
    "mean": ("ReduceMean", {"a": ints(2, 3)}, {"keepdims": 0}),
    "all axes": ("ReduceMax", {}, {"keepdims": 1}),
    "reshape": ("Reshape", {"s": ints(0, -1, 4)}, {}),
    "squeeze": ("Squeeze", {"a": ints(0)}, {}),
    "squeeze all": ("Squeeze", {}, {}),
    "unsqueeze": ("Unsqueeze", {"a": ints(0, -1)}, {}),
    "transpose": ("Transpose", {}, {"perm": [0, 2, 3, 1]}),
    "concat": ("Concat", {"b": np.ones((1, 2, 9, 8), np.float32)}, {"axis": 1}),
    "gather": ("Gather", {"i": ints(0, 2)}, {"axis": 1}),
    "expand": ("Expand", {"s": ints(2, 1, 1, 1)}, {}),
    "margins": ("Pad", {"p": ints(0, 0, 1, 2, 0, 0, 3, 0)}, {}),
    "shape": ("Shape", {}, {"start": 1}),
    "global": ("GlobalAveragePool", {}, {}),
    "softmax": ("Softmax", {}, {}),
    "add": ("Add", {"b": np.ones((3, 1, 1), np.float32)}, {}),
    "batch": ("BatchNormalization", {n: np.ones(3, np.float32) for n in "abcd"}, {}),
    "layer": ("LayerNormalization", {"a": np.ones(8, np.float32)}, {}),
}


@pytest.mark.parametrize("case", CASES)
def test_one_operator(case: str) -> None:
    operator, constants, attributes = CASES[case]
    assert check(single(operator, constants, **attributes))


window = st.fixed_dictionaries(
    {},
    optional={
        "pads": st.lists(st.integers(0, 3), min_size=4, max_size=4),
        "strides": st.lists(st.integers(1, 4), min_size=2, max_size=2),
        "dilations": st.lists(st.integers(1, 3), min_size=2, max_size=2),
    },
)
kernel = st.lists(st.integers(1, 4), min_size=2, max_size=2)


@settings(max_examples=100, deadline=None)
@given(kernel, window, st.sampled_from([1, 3]))
def test_convolution(size: list[int], attributes: dict, groups: int) -> None:
    weights = np.ones((6, 3 // groups, *size), np.float32)
    check(single("Conv", {"w": weights}, group=groups, **attributes))


@settings(max_examples=100, deadline=None)
@given(kernel, window, st.sampled_from(["MaxPool", "AveragePool"]), st.integers(0, 1))
def test_pooling(size: list[int], attributes: dict, operator: str, rounds_up: int) -> None:
    if operator == "AveragePool":
        attributes.pop("dilations", None)
    pads = attributes.get("pads", [0] * 4)
    if any(p >= k for p, k in zip(pads, size * 2, strict=True)):
        attributes.pop("pads", None)  # ONNX Runtime refuses such margins
    if rounds_up:
        attributes = {k: v for k, v in attributes.items() if k == "strides"}
    check(single(operator, {}, kernel_shape=size, ceil_mode=rounds_up, **attributes))


@settings(max_examples=200, deadline=None)
@given(
    st.integers(-12, 12), st.integers(-12, 12), st.integers(0, 3), st.sampled_from([-3, -1, 1, 2])
)
def test_slices(start: int, end: int, axis: int, step: int) -> None:
    constants = {"s": ints(start), "e": ints(end), "a": ints(axis), "t": ints(step)}
    check(single("Slice", constants))


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 4), st.integers(0, 3))
def test_splits(parts: int, axis: int) -> None:
    if PICTURE[axis] >= parts and PICTURE[axis] % parts == 0:
        check(single("Split", {}, outputs=parts, axis=axis, num_outputs=parts))


def test_the_shipped_model() -> None:
    """Of every tensor, against ONNX's shape inference."""
    model = onnx.load(ROOT / "assets" / "models" / "mien" / "model.onnx")
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    for output in model.graph.output:
        output.type.tensor_type.shape.dim[0].dim_value = 1
    del model.graph.value_info[:]
    inferred = onnx.shape_inference.infer_shapes(model, data_prop=True)
    values = [*inferred.graph.value_info, *inferred.graph.output]
    elements = {
        v.name: int(np.prod([d.dim_value for d in v.type.tensor_type.shape.dim])) for v in values
    }
    computed = [elements[name] for node in model.graph.node for name in node.output]
    result = cost(read_graph(model.SerializeToString()))
    assert result.computed + result.prepared == sum(computed) and result.largest == max(computed)
    assert result.work > 100_000_000
    check_cost(read_graph(model.SerializeToString()))


def test_numbers_survive_whatever_field_holds_them() -> None:
    """Sizes from raw bytes, packed numbers and a `Constant` are the same sizes."""
    for kind in (TensorProto.INT64, TensorProto.INT32):
        for raw in (False, True):
            values = np.array([2, 3], np.int64 if kind == TensorProto.INT64 else np.int32)
            content = values.tobytes() if raw else values.tolist()
            tensor = helper.make_tensor("s", kind, [2], content, raw=raw)
            node = helper.make_node("Constant", [], ["s"], value=tensor)
            graph = helper.make_graph(
                [node, helper.make_node("ConstantOfShape", ["s"], ["y"])], "g", [], []
            )
            model = helper.make_model(graph)
            assert cost(read_graph(model.SerializeToString())).largest == 6


@pytest.mark.parametrize("operator", sorted(RULES))
def test_every_rule_refuses_inputs_that_make_no_sense(operator: str) -> None:
    """No rule raises anything but `ModelError`, without inputs, or with the wrong ones."""
    for constants in ({}, {"a": ints(7)}, {"a": ints(-9, 2**40), "b": np.ones(3, np.float32)}):
        for shape in ((), (2,), PICTURE):
            model = single(operator, constants, shape, axis=9, kernel_shape=[99, 99], perm=[5])
            try:
                cost(read_graph(model.SerializeToString()))
            except ModelError as error:
                assert operator in str(error)
