"""Draw which pixels a checkpoint's predictions rest on (Grad-CAM), on blurred faces."""

from __future__ import annotations

import argparse
from pathlib import Path

from evaluation.explanation.draw import add_image_arguments, chosen_tasks, explain_images


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "checkpoint",
        type=Path,
        help="best.pt of a run folder, the run folder, or a bundle with its weights",
    )
    add_image_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Write one PNG per picture and return the exit status."""
    from train.gradcam import gradcam
    from train.loop.initialize import load_network

    model, recipe = load_network(args.checkpoint)
    tasks = chosen_tasks(args.task, [h.task for h in recipe.heads])
    heads = [h for h in recipe.heads if h.task in tasks]
    explain_images(
        args.images,
        args.out,
        recipe.input,
        lambda crop: [gradcam(model, head, crop, recipe.input) for head in heads],
        tight=args.tight,
        blur=not args.show_faces,
    )
    return 0
