"""EfficientNet-B0 at 224 px with random weights, the backbone of public emotion models: the yardstick that stands beside our net's time.

`python -m evaluation._reference FILE` builds it with torch in a process of its own, so that whoever asks for it never imports torch.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import warnings
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import onnxruntime as ort

from core.errors import UserError
from core.weights import ROOT, cache_dir

SIDE = 224
OPSET = 18


def reference(threads: int = 1) -> ort.InferenceSession:
    """The session, input `image` float32 (1, 3, 224, 224), with the options that `core.bundle.load` uses. Built once, then from the cache.

    Raises:
        UserError: torch or timm is not installed.
        RuntimeError: the export failed.
    """
    try:
        name = f"efficientnet_b0-{SIDE}-timm{version('timm')}-torch{version('torch').partition('+')[0]}-opset{OPSET}.onnx"
    except PackageNotFoundError as error:
        raise UserError(f"Expected torch and timm for the reference network, got no {error.name}; try `make install`.") from error
    path = cache_dir() / name
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            new = Path(folder) / name
            done = subprocess.run([sys.executable, "-m", __name__, new], cwd=ROOT, capture_output=True, text=True)
            if done.returncode != 0:
                raise RuntimeError(f"building {name} failed: {done.stderr[-800:]}")
            new.replace(path)
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])


def build(path: Path) -> None:
    """Writes the network with seeded random weights."""
    import torch

    import core.models._torchvision  # noqa: F401  before timm, which imports torchvision

    # isort: split
    import timm

    torch.manual_seed(0)
    model = timm.create_model("efficientnet_b0", pretrained=False).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter deprecates its own internals
        torch.onnx.export(
            model, (torch.zeros(1, 3, SIDE, SIDE),), path, input_names=["image"], output_names=["logits"], opset_version=OPSET,
            dynamo=True, external_data=False, verbose=False,
        )  # fmt: skip


if __name__ == "__main__":
    build(Path(sys.argv[1]))
