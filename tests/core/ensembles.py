"""Small models and `ensemble.json` for the tests of core.ensemble."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from core.artifacts import bundle
from core.artifacts.card import KEY, Card, Head
from core.labels import AGE_BINS, FERPLUS8, GENDER2
from core.preprocess import InputSpec

EMOTION = Head("emotion", "softmax", FERPLUS8.labels, "emotion")
GENDER = Head("gender", "sigmoid", GENDER2.labels, "gender")
AGE = Head("age", "distribution", tuple(str(i) for i in range(AGE_BINS)), "age")
YEARS = Head("age", "regression", (), "age")
ALL = (EMOTION, GENDER, AGE)


def write(
    folder: Path,
    seed: int = 0,
    heads: tuple[Head, ...] = ALL,
    spec: InputSpec | None = None,
    **card: Any,
) -> Path:
    """A bundle with one random linear layer per head; ages around 40. card: fields as JSON has
    them, which need not be valid.
    """
    spec, rng = spec or InputSpec(size=16), np.random.default_rng(seed)
    wide = spec.channels * spec.size**2
    nodes, weights = [helper.make_node("Flatten", ["image"], ["embedding"])], []
    for head in heads:
        w = rng.normal(0, 3 / wide**0.5, (wide, head.width)).astype(np.float32)
        bias = np.full(head.width, 40.0 if head.kind == "regression" else 0.0, np.float32)
        if head.kind == "distribution":
            bias -= np.abs(np.arange(head.width) - 40).astype(np.float32) / 4
        weights += [
            numpy_helper.from_array(w, f"w_{head.task}"),
            numpy_helper.from_array(bias, f"b_{head.task}"),
        ]
        nodes.append(
            helper.make_node(
                "Gemm", ["embedding", f"w_{head.task}", f"b_{head.task}"], [head.output]
            )
        )
    outputs = [
        helper.make_tensor_value_info(h.output, TensorProto.FLOAT, ["n", h.width]) for h in heads
    ]
    outputs.append(helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", wide]))
    image = helper.make_tensor_value_info(
        "image", TensorProto.FLOAT, ["n", spec.channels, spec.size, spec.size]
    )
    model = helper.make_model(
        helper.make_graph(nodes, "tiny", [image], outputs, weights),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=9,
    )
    text = Card(folder.name, "1", spec, heads).to_json()
    helper.set_model_props(model, {KEY: json.dumps(json.loads(text) | card)})
    folder.mkdir(parents=True)
    onnx.save(model, folder / bundle.MODEL_FILE)
    return folder


def join(folder: Path, *members: dict, **more: Any) -> Path:
    """Writes `ensemble.json` into `folder`."""
    (folder / "ensemble.json").write_text(json.dumps({"name": "both", "members": members, **more}))
    return folder
