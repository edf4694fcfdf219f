"""Write a checkpoint as a bundle: model.onnx with its card inside, and card.md."""

from __future__ import annotations

import argparse
from pathlib import Path

from core import progress
from core.errors import UserError
from train.commands._arguments import add_data, add_set
from train.recipe.arguments import data_folders, is_generated


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "checkpoint",
        type=Path,
        help="a run folder, one of its checkpoints, or a bundle with its weights",
    )
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="the new bundle")
    add_data(parser)
    parser.add_argument("--name", help="the model's name (default: that of the output folder)")
    parser.add_argument("--version", help="the model's version, for its card")
    parser.add_argument(
        "--int8",
        action="store_true",
        help="8-bit integers: a quarter of the size, three times as fast; needs --data",
    )
    add_set(parser)


def run(args: argparse.Namespace) -> int:
    """Export the checkpoint and return the exit status."""
    from core.artifacts.bundle import MODEL_FILE
    from core.artifacts.card import DEFAULT_VERSION
    from core.faces import best_detector
    from train.batches.data import load_parts
    from train.export.export import export
    from train.loop.initialize import load_network

    model, recipe = load_network(args.checkpoint, args.set)
    if args.int8 and not (args.data or is_generated(recipe) or recipe.qat):
        raise UserError(
            "Expected --data DIR with --int8, got none: the 8-bit ranges are measured on training "
            "pictures. Without pictures leave --int8 out, or export a run of --set qat=true, "
            "whose ranges were learnt in training."
        )
    train_parts, val_parts = [], []
    if args.data or (args.int8 and is_generated(recipe)):
        folders = data_folders(args.data) if args.data else {"*": "."}
        detector, description = best_detector()
        progress.say(f"detector: {description}")
        train_parts = load_parts(recipe, folders, "train", detector)
        val_parts = load_parts(recipe, folders, "val", detector)
    bundle_folder = export(
        model,
        recipe,
        args.name or args.out.name,
        args.out,
        train_parts,
        val_parts,
        args.int8,
        args.version or DEFAULT_VERSION,
    )
    size_mb = (bundle_folder / MODEL_FILE).stat().st_size / 1e6
    progress.say(f"model and card: {bundle_folder}, {size_mb:.1f} MB")
    return 0
