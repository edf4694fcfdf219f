"""What INT8 leaves float, and the pictures that its ranges come from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx

from core.artifacts.card import Card
from tests.train.compression.test_qat import lively
from tests.train.compression.test_quantize import RECIPE
from tests.train.conftest import part_of
from train.compression import quantize
from train.export.onnx_file import write_onnx
from train.recipe.override import override


def test_pooling_and_heads_stay_float_where_the_mean_over_the_mirror_image_follows(
    tmp_path: Path,
) -> None:
    for mirror in (False, True):
        recipe = override(RECIPE, [f"model.options.mirror={mirror}"])
        write_onnx(
            lively(recipe), Card("made", "0", recipe.input, recipe.heads), tmp_path / "made.onnx"
        )
        graph = onnx.load(tmp_path / "made.onnx").graph
        kept = [
            node.op_type
            for node in graph.node
            if node.name in quantize.float_nodes(tmp_path / "made.onnx")
        ]
        assert (
            kept.count("Gemm") == len(recipe.heads)
            and kept.count("Conv") == 1
            and {"ReduceMean", "GlobalAveragePool"} & set(kept)
        )
        assert ("Div" in kept) == mirror


def test_the_sample_is_drawn_evenly_and_alike_every_time() -> None:
    large, small = (part_of(RECIPE, n, seed) for n, seed in ((300, 3), (20, 4)))
    crops = quantize.calibration_crops([large, small], 80)
    assert len(crops) == 40 + 20
    assert len({c.tobytes() for c in crops}) == 60
    assert np.array_equal(crops, quantize.calibration_crops([large, small], 80))
