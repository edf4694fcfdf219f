"""Limits of an untrusted ONNX file: what it may take in memory and time."""

from __future__ import annotations

from core.artifacts.onnx_check.cost import cost
from core.artifacts.onnx_check.graph import Graph
from core.errors import ModelError

MAX_ELEMENTS = 1 << 24
"""Elements of one tensor, for one face: 64 MB; VGG-16 at 224 pixels has 3 million."""
MAX_COMPUTED = 1 << 27
"""Elements of all tensors that are computed for one face; ResNet-50 at 224 pixels: 32 million."""
MAX_PREPARED = 1 << 25
"""Elements of all tensors that are computed when the model is opened, and stay: 268 MB at most, of
eight bytes each; the weights of an 8-bit ResNet-50: 25 million."""
MAX_WORK = 40_000_000_000
"""Products and elements read for one face; VGG-16 at 224 pixels takes 16 thousand million."""


def check_cost(graph: Graph) -> None:
    """Refuse a graph that takes too much memory or time.

    Raises:
        ModelError: says which limit, or which operator is not allowed.
    """
    result = cost(graph)
    for text, value, limit in (
        ("numbers in one tensor", result.largest, MAX_ELEMENTS),
        ("numbers computed for a face", result.computed, MAX_COMPUTED),
        ("numbers computed at the start", result.prepared, MAX_PREPARED),
        ("products for a face", result.work, MAX_WORK),
    ):
        if value > limit:
            raise ModelError(f"Expected at most {limit:,} {text}, got {value:,}.")
