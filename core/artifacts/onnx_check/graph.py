"""The parts of an untrusted ONNX file that decide what it computes, read without ONNX Runtime.

Only graphs of one level are read: functions, graphs in attributes, training information, sparse
tensors and data in other files are refused, as is any tensor whose bytes are not as many as its
shape says.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.artifacts.onnx_check import messages, protobuf
from core.artifacts.onnx_check.protobuf import Message, Reader
from core.errors import ModelError

MAX_RANK = 8
MAX_NODES = 5_000
MAX_SMALL_ELEMENTS = 1_024
"""Numbers of a tensor that is read by value, such as a shape."""

NUMBER_TYPES: Mapping[int, tuple[str, str]] = {
    1: ("<f4", "float_data"),
    2: ("<u1", "int32_data"),
    3: ("<i1", "int32_data"),
    6: ("<i4", "int32_data"),
    7: ("<i8", "int64_data"),
    9: ("?", "int32_data"),
    10: ("<f2", "int32_data"),
    11: ("<f8", "double_data"),
}
"""`data_type` -> numpy's type, and the field that holds numbers where `raw_data` does not."""
WHOLE_TYPES = (6, 7)
"""`data_type` of int32 and int64, which sizes have."""
REFUSED_IN_ATTRIBUTES = (
    "g",
    "graphs",
    "ref_attr_name",
    "sparse_tensor",
    "sparse_tensors",
    "tensors",
    "tp",
    "type_protos",
)


@dataclass(frozen=True, slots=True)
class Constant:
    """A tensor of the file.

    Attributes:
        shape: of the tensor.
        integers: its numbers where it holds few whole ones, such as a shape; else None.
    """

    shape: tuple[int, ...]
    integers: NDArray[np.int64] | None


Attribute = int | float | bytes | tuple[int, ...] | Constant


@dataclass(frozen=True, slots=True)
class Node:
    """One operator with the names of its inputs and outputs; an empty name is an absent one."""

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Attribute]


@dataclass(frozen=True, slots=True)
class Graph:
    """What a model computes.

    Attributes:
        nodes: in the order of computation.
        constants: by name.
        inputs: name -> sizes, None where one is free.
        outputs: names.
        metadata: of the file, key -> text.
    """

    nodes: tuple[Node, ...]
    constants: Mapping[str, Constant]
    inputs: Mapping[str, tuple[int | None, ...]]
    outputs: tuple[str, ...]
    metadata: Mapping[str, memoryview]


def read_metadata(data: bytes) -> dict[str, memoryview]:
    """Return the metadata of an ONNX file, key -> text; nothing else of it is looked at.

    Raises:
        ModelError: the bytes are no ONNX, or a key stands twice.
    """
    reader = Reader()
    return _metadata(reader, reader.read(memoryview(data), messages.MODEL))


def read_graph(data: bytes) -> Graph:
    """Read an ONNX file.

    Raises:
        ModelError: the bytes are no ONNX, or hold anything that the module's text refuses.
    """
    reader = Reader()
    model = reader.read(memoryview(data), messages.MODEL)
    for name in ("training_info", "functions"):
        if name in model:
            raise ModelError(f"Expected a graph of operators alone, got `{name}`.")
    graph_bytes = protobuf.blobs(model, "graph")
    if not graph_bytes:
        raise ModelError("Expected an ONNX model, got none.")
    graph = reader.read(graph_bytes[0], messages.GRAPH)
    if "sparse_initializer" in graph:
        raise ModelError("Expected dense tensors, got `sparse_initializer`.")
    if len(graph.get("node", ())) > MAX_NODES:
        raise ModelError(f"Expected at most {MAX_NODES:,} operators, got {len(graph['node']):,}.")
    constants: dict[str, Constant] = {}
    for blob in protobuf.blobs(graph, "initializer"):
        message = reader.read(blob, messages.TENSOR)
        name = protobuf.text(message, "name")
        if not name or name in constants:
            raise ModelError(f"Expected tensors of different names, got {name!r:.80} twice.")
        constants[name] = _constant(message)
    inputs = dict(_value(reader, blob) for blob in protobuf.blobs(graph, "input"))
    return Graph(
        tuple(_node(reader, blob) for blob in protobuf.blobs(graph, "node")),
        constants,
        {name: shape for name, shape in inputs.items() if name not in constants},
        tuple(_value(reader, blob)[0] for blob in protobuf.blobs(graph, "output")),
        _metadata(reader, model),
    )


def _metadata(reader: Reader, model: Message) -> dict[str, memoryview]:
    metadata: dict[str, memoryview] = {}
    for blob in protobuf.blobs(model, "metadata_props"):
        entry = reader.read(blob, messages.ENTRY)
        key = protobuf.text(entry, "key")
        if key in metadata:
            raise ModelError(f"Expected metadata of different keys, got {key!r:.80} twice.")
        metadata[key] = next(iter(protobuf.blobs(entry, "value")), memoryview(b""))
    return metadata


def _node(reader: Reader, blob: memoryview) -> Node:
    """Return an operator of the file; refuse those that are not of ONNX itself."""
    message = reader.read(blob, messages.NODE)
    operator, domain = protobuf.text(message, "op_type"), protobuf.text(message, "domain")
    if domain not in ("", "ai.onnx") or protobuf.text(message, "overload"):
        raise ModelError(f"Expected operators of ONNX itself, got {f'{domain}.{operator}'!r:.80}.")
    attributes: dict[str, Attribute] = {}
    for attribute in protobuf.blobs(message, "attribute"):
        fields = reader.read(attribute, messages.ATTRIBUTE)
        name = protobuf.text(fields, "name")
        if refused := [field for field in REFUSED_IN_ATTRIBUTES if field in fields]:
            raise ModelError(
                f"Expected numbers in the attributes of {operator!r:.80}, got `{refused[0]}` in "
                f"{name!r:.80}."
            )
        if name in attributes:
            raise ModelError(f"Expected one attribute {name!r:.80} of {operator!r:.80}, got two.")
        attributes[name] = _attribute(reader, fields, name)
    return Node(
        operator,
        tuple(protobuf.texts(message, "input")),
        tuple(protobuf.texts(message, "output")),
        attributes,
    )


ATTRIBUTE_FIELDS = {1: "f", 2: "i", 3: "s", 4: "t", 6: "floats", 7: "ints", 8: "strings"}
"""`type` of an attribute -> the field that holds its value."""


def _attribute(reader: Reader, fields: Message, name: str) -> Attribute:
    kind = ATTRIBUTE_FIELDS.get(protobuf.number(fields, "type"), "")
    if others := [f for f in ATTRIBUTE_FIELDS.values() if f in fields and f != kind]:
        raise ModelError(f"Expected attribute {name!r:.80} to be of its type, got `{others[0]}`.")
    if kind == "i":
        return protobuf.number(fields, "i")
    if kind == "ints":
        return tuple(protobuf.numbers(fields, "ints"))
    if kind == "f":
        value = protobuf.blobs(fields, "f")
        return float(struct.unpack("<f", value[0])[0]) if value else 0.0
    if kind == "floats":
        return ()  # none of the operators whose sizes are known takes its sizes from them
    if kind == "s":
        return bytes((protobuf.blobs(fields, "s") or [memoryview(b"")])[0])
    if kind == "t" and "t" in fields:
        return _constant(reader.read(protobuf.blobs(fields, "t")[0], messages.TENSOR))
    raise ModelError(f"Expected attribute {name!r:.80} to be a number, a text or a tensor.")


def _constant(message: Message) -> Constant:
    """Return a tensor; refuse one that does not hold as many numbers as its shape says."""
    name = f"tensor {protobuf.text(message, 'name')!r:.80}"
    for field in ("external_data", "segment", "string_data", "uint64_data"):
        if field in message:
            raise ModelError(f"Expected numbers in {name}, got `{field}`.")
    kind = protobuf.number(message, "data_type")
    if protobuf.number(message, "data_location") or kind not in NUMBER_TYPES:
        raise ModelError(f"Expected numbers in {name}, got data type {kind} or other data.")
    shape = tuple(protobuf.numbers(message, "dims"))
    if len(shape) > MAX_RANK or any(size < 0 for size in shape):
        raise ModelError(
            f"Expected at most {MAX_RANK} sizes of at least 0 of {name}, got {str(shape)[:100]}."
        )
    numpy_type, field = NUMBER_TYPES[kind]
    dtype = np.dtype(numpy_type)
    present = [f for _, f in NUMBER_TYPES.values() if f in message and f != field]
    raw = protobuf.blobs(message, "raw_data")
    if present or (raw and field in message):
        raise ModelError(f"Expected the numbers of {name} in one place, got several.")
    elements = math.prod(shape)
    count = len(raw[0]) / dtype.itemsize if raw else _count(message, field)
    if count != elements:
        raise ModelError(
            f"Expected {name} to hold the {elements} numbers of its shape {str(shape)[:100]}, got "
            f"{count:g}."
        )
    if kind not in WHOLE_TYPES or elements > MAX_SMALL_ELEMENTS:
        return Constant(shape, None)
    values = (
        np.frombuffer(raw[0], dtype).astype(np.int64)
        if raw
        else np.array(protobuf.numbers(message, field), np.int64)
    )
    return Constant(shape, values.reshape(shape))


def _count(message: Message, field: str) -> int:
    """Return how many numbers a field holds, packed or not."""
    count = 0
    width = {"float_data": 4, "double_data": 8}.get(field)
    for value in message.get(field, ()):
        if isinstance(value, int):
            count += 1
        elif width:
            count += len(value) // width
        else:  # the last byte of each number is below 128
            count += int(np.count_nonzero(np.frombuffer(value, np.uint8) < 0x80))
    return count


def _value(reader: Reader, blob: memoryview) -> tuple[str, tuple[int | None, ...]]:
    """Return the name of an input or output, and its sizes."""
    message = reader.read(blob, messages.VALUE)
    name = protobuf.text(message, "name")
    for kind in protobuf.blobs(message, "type"):
        for tensor_type in protobuf.blobs(reader.read(kind, messages.TYPE), "tensor_type"):
            for shape in protobuf.blobs(reader.read(tensor_type, messages.TENSOR_TYPE), "shape"):
                dimensions = [
                    reader.read(dim, messages.DIMENSION)
                    for dim in protobuf.blobs(reader.read(shape, messages.SHAPE), "dim")
                ]
                return name, tuple(
                    protobuf.number(d, "dim_value") if "dim_value" in d else None
                    for d in dimensions
                )
    raise ModelError(f"Expected the sizes of input or output {name!r:.80}, got none.")
