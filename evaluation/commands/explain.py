"""What a prediction rests on: parts of the face are covered in turn, on one PNG per picture.

Works on the model file alone, by occlusion (Zeiler and Fergus, ECCV 2014): a map's value is by how
much the predicted class' probability falls, or the age moves, where that pixel is covered. The best
detection is taken; the face under the map is blurred unless --show-faces. `python -m train gradcam`
draws the same from the gradients of a torch checkpoint.

Examples:
  python -m evaluation explain --model assets/models/mien face.jpg --out maps
  python -m evaluation explain --model M --tight --task emotion *.png --out maps --json
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.artifacts.operating_point import ACCURACY
from core.cli import add_trust
from core.errors import DataError
from core.face_model import open_model
from evaluation.commands._options import add_options
from evaluation.explanation.draw import (
    ExplainedImage,
    add_image_arguments,
    chosen_tasks,
    explain_images,
)
from evaluation.explanation.heatmap import Explanation
from evaluation.explanation.occlusion import occlusion_maps
from evaluation.report.formatting import print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `explain`."""
    add_options(parser, "--model")
    add_trust(parser)
    add_image_arguments(parser)
    help_text = "one JSON object on stdout: predictions, files and how far they can move"
    add_options(parser, "--json", help=help_text)


def run(args: argparse.Namespace) -> int:
    """Write the pictures."""
    predictor = open_model(args.model, operating_point=ACCURACY, is_trusted=args.trust)
    if len(predictor.views) > 1:
        raise DataError(
            f"Expected a model with one crop of a face, got {args.model}, "
            "whose members crop differently; try one of them."
        )
    tasks = chosen_tasks(args.task, [h.task for h in predictor.card.heads])

    def explain(crop: NDArray[np.uint8]) -> Sequence[Explanation]:
        return [e for task, e in occlusion_maps(predictor, crop).items() if task in tasks]

    explained = explain_images(
        args.images,
        args.out,
        predictor.card.input,
        explain,
        tight=args.tight,
        blur=not args.show_faces,
    )
    if args.json:
        print_json({"model": predictor.card.name, "images": [_to_dict(e) for e in explained]})
    return 0


def _to_dict(explained: ExplainedImage) -> dict[str, object]:
    return {
        "image": str(explained.image),
        "file": str(explained.file),
        "answers": {e.task: e.prediction for e in explained.explanations},
        "largest": {e.task: float(np.abs(e.heat).max()) for e in explained.explanations},
    }
