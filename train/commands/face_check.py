"""Train the network that tells whether a crop shows a whole, upright face."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

from core import progress
from core.cli import count_number
from train.commands._arguments import add_data, add_json

DATASETS = ("ferplus", "utkface")
"""Published crops of faces; what is lost of their validation splits sets the threshold."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_data(parser, required=True)
    parser.add_argument(
        "--not-faces",
        type=Path,
        required=True,
        metavar="DIR",
        help="pictures without people; a fifth of them, by name, are kept for validation",
    )
    parser.add_argument(
        "--epochs", type=count_number, default=12, metavar="N", help="(default: %(default)s)"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the ONNX file")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Train, choose the threshold, write the file, print validation shares."""
    import numpy as np

    from core.data.base.splits import split_of
    from core.faces import best_detector
    from train.batches.data import read_split
    from train.face_check import crops, fit
    from train.recipe.arguments import data_folders

    detector, description = best_detector()
    progress.say(f"detector: {description}")
    folders = data_folders(args.data)
    pairs = {}
    for name in DATASETS:
        for split in ("train", "val"):
            samples = read_split(name, folders, split)
            with progress.task(f"crop {name} {split}", len(samples)) as advance:
                pairs[name, split] = crops.face_crops(samples, detector, advance)
    not_faces = [
        crops.folder_crops(args.not_faces, detector, is_kept)
        for is_kept in (lambda n: split_of(n) == "train", lambda n: split_of(n) != "train")
    ]
    faces, missed = zip(*(pairs[name, "train"] for name in DATASETS), strict=True)
    network = fit.fit(
        fit.TrainingCrops(
            np.concatenate(faces), np.concatenate(missed), not_faces[0], crops.noise_crops()
        ),
        args.epochs,
        lambda epoch, loss: progress.say(f"epoch {epoch}/{args.epochs}: loss {loss:.4f}"),
    )
    valid = {name: fit.scores(network, pairs[name, "val"][0]) for name in DATASETS}
    limit = fit.threshold(valid)
    others = crops.no_whole_faces(
        pairs["ferplus", "val"][0],
        np.concatenate([pairs[name, "val"][1] for name in DATASETS]),
        not_faces[1],
    )
    shares = {
        "lost": {name: float((s < limit).mean()) for name, s in valid.items()},
        "rejected": {
            name: float((fit.scores(network, v) < limit).mean()) for name, v in others.items()
        },
    }
    fit.write(network, limit, args.out)
    _print(limit, shares, as_json=args.json)
    return 0


def _print(limit: float, shares: Mapping[str, Mapping[str, float]], *, as_json: bool) -> None:
    """Print the threshold and the shares of validation crops below it, by kind and name."""
    if as_json:
        print(json.dumps({"threshold": limit, **shares}))
        return
    for kind, values in shares.items():
        for name, share in values.items():
            print(f"{kind} {name}: {share:.1%}")
