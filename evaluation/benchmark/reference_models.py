"""Networks that people would pick instead of ours, with random weights, to compare times with.

`python -m evaluation.benchmark.reference_models KEY FILE` builds one with torch in a process of its
own, so that whoever asks for it never imports torch.
"""

from __future__ import annotations

import subprocess
import sys
import warnings
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from core.artifacts.bundle import open_session
from core.artifacts.card import Head
from core.artifacts.downloads import cache_dir
from core.errors import UserError
from core.files import scratch_folder
from core.labels import AGE_BINS, FERPLUS8, GENDER2
from core.preprocess import InputSpec
from core.system import ROOT

OPSET = 18
CACHE_VERSION = 1
"""Raised when a network below changes, so that no cache keeps the old one."""
PARAMETERS_KEY = "parameters"
HEADS = (
    Head("emotion", "softmax", FERPLUS8.labels, "emotion"),
    Head("gender", "softmax", GENDER2.labels, "gender"),
    Head("age", "distribution", tuple(str(i) for i in range(AGE_BINS)), "age"),
)
"""The same heads on every network, so that only what stands before them differs."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference network.

    Attributes:
        model: of core.models, with `options`.
        copies: networks of the kind that run one after the other for a face.
    """

    title: str
    size: int
    model: str
    options: dict[str, object] = field(default_factory=dict)
    channels: int = 3
    copies: int = 1

    @property
    def spec(self) -> InputSpec:
        """Its input: our crop at its size."""
        return InputSpec(
            size=self.size,
            channels=self.channels,
            mean=(0.5,) * self.channels,
            std=(0.25,) * self.channels,
        )


def _timm(name: str) -> dict[str, object]:
    return {"name": name}


# DeepFace has a network each for age, gender and emotion (VGG16 at 224); three ResNet18 at 112 px
# are a lighter choice, so the comparison flatters it. They share one file: time does not depend on
# weights.
REFERENCES = {
    "vgg13_64": Reference("VGG13 at 64, grey (FER+ paper)", 64, "vgg13", channels=1),
    "efficientnet_b0_224": Reference(
        "EfficientNet-B0 at 224", 224, "timm_backbone", _timm("efficientnet_b0")
    ),
    "mobilenet_025_96": Reference("MobileNet-0.25 at 96", 96, "mobilenet_v1", {"width": 0.25}),
    "mobileone_s2_224": Reference(
        "MobileOne-S2 at 224, folded", 224, "timm_backbone", _timm("mobileone_s2")
    ),
    "resnet18_112": Reference("ResNet18 at 112", 112, "timm_backbone", _timm("resnet18")),
    "three_resnet18_112": Reference(
        "three networks, ResNet18 at 112 each", 112, "timm_backbone", _timm("resnet18"), copies=3
    ),
}


@dataclass(frozen=True)
class ReferenceNetwork:
    """An opened reference; `parameters` and `bytes` are those of all its copies."""

    key: str
    reference: Reference
    path: Path
    sessions: tuple[ort.InferenceSession, ...]

    @property
    def parameters(self) -> int:
        """Trainable parameters after folding, which is what runs."""
        return self.reference.copies * int(
            self.sessions[0].get_modelmeta().custom_metadata_map[PARAMETERS_KEY]
        )

    @property
    def bytes(self) -> int:
        """Size of the files on disk."""
        return self.reference.copies * self.path.stat().st_size

    def run(self, batch: NDArray[np.float32]) -> list[Any]:
        """Return the outputs of each copy for float32 (N, C, size, size)."""
        return [session.run(None, {"image": batch}) for session in self.sessions]


def missing_package() -> str | None:
    """Return a package that the references need and that is not installed; None for none."""
    try:
        _cache_tag()
    except PackageNotFoundError as error:
        return error.name
    return None


def _cache_tag() -> str:
    timm_version, torch_version = version("timm"), version("torch").partition("+")[0]
    return f"timm{timm_version}-torch{torch_version}-opset{OPSET}-{CACHE_VERSION}"


def model_file(key: str) -> Path:
    """Return the ONNX file of a reference, built once, then from the cache.

    Raises:
        UserError: torch or timm is not installed.
        RuntimeError: the export failed.
    """
    if name := missing_package():
        raise UserError(
            f"Expected torch and timm for the reference networks, got no {name}; "
            "try `make install`."
        )
    # copies share the file of the single one
    one = next(k for k, r in REFERENCES.items() if (r.model, r.options, r.size) == _kind(key))
    path = cache_dir() / f"{one}-{_cache_tag()}.onnx"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        with scratch_folder(path) as folder:
            new = folder / path.name
            done = subprocess.run(
                [sys.executable, "-m", __name__, one, new], cwd=ROOT, capture_output=True, text=True
            )
            if done.returncode != 0:
                raise RuntimeError(f"building {one} failed: {done.stderr[-800:]}")
            new.replace(path)
    return path


def _kind(key: str) -> tuple[str, dict[str, object], int]:
    return REFERENCES[key].model, REFERENCES[key].options, REFERENCES[key].size


def open_reference(key: str, threads: int = 1) -> ReferenceNetwork:
    """Open a reference with the session options that our own models get.

    Args:
        key: Of `REFERENCES`; its input is `image`, float32 (N, C, size, size).
        threads: Of one call.

    Raises:
        UserError: As `model_file`.
        RuntimeError: As `model_file`.
        ModelError: ONNX Runtime refuses the file.
    """
    path = model_file(key)
    data = path.read_bytes()
    sessions = tuple(open_session(data, threads, path) for _ in range(REFERENCES[key].copies))
    return ReferenceNetwork(key, REFERENCES[key], path, sessions)


def build(key: str, path: Path) -> None:
    """Write a network with seeded random weights, a free batch dimension and folded branches."""
    import onnx
    import torch

    import core.models.base.torchvision_compat  # noqa: F401 - defines operators before timm

    # isort: split
    from timm.utils.model import reparameterize_model

    from core import registry

    torch.manual_seed(0)
    one = REFERENCES[key]
    model = reparameterize_model(
        registry.load("core.models", one.model).build(HEADS, one.spec, **one.options).eval()
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter deprecates its own internals
        torch.onnx.export(
            model,
            (torch.zeros(2, one.channels, one.size, one.size),),
            path,
            input_names=["image"],
            dynamic_shapes={"x": {0: torch.export.Dim("n")}},
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    exported = onnx.load(path)
    onnx.helper.set_model_props(
        exported, {PARAMETERS_KEY: str(sum(p.numel() for p in model.parameters()))}
    )
    onnx.save(exported, path)


if __name__ == "__main__":
    build(sys.argv[1], Path(sys.argv[2]))
