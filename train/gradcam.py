"""Grad-CAM (Selvaraju et al., ICCV 2017): what an answer rests on, from the gradients of a torch
network at its last spatial layer.

`python -m evaluation explain` needs no torch and works on any model file; this is finer in cause
and coarser in place, by the size of that layer. Networks of tokens, such as ViT, have no such layer
but the first: their maps say little.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from core.artifacts.bundle import TASKS, Head
from core.errors import UserError
from core.preprocess import InputSpec, to_input
from evaluation.commands.explain import add_pictures, draw
from evaluation.explanation.heatmap import Explanation
from train.loop.initialize import network
from train.runs.trained_weights import BEST


def run(argv: list[str], prog: str) -> int:
    """`python -m train gradcam`: one PNG per picture."""
    parser = argparse.ArgumentParser(
        prog, description="Draw what a checkpoint's answers rest on (Grad-CAM), on blurred faces."
    )
    parser.add_argument(
        "checkpoint",
        type=Path,
        help=f"{BEST} of a run folder, the run folder, or a bundle with its weights",
    )
    add_pictures(parser)
    args = parser.parse_args(argv)
    model, recipe = network(args.checkpoint)
    heads = [h for h in recipe.heads if h.task in (args.task or TASKS)]
    if not heads:
        raise UserError(
            f"Expected --task to be one of {', '.join(h.task for h in recipe.heads)}, got {', '.join(args.task)}."
        )
    draw(
        args,
        recipe.input,
        lambda crop: [gradcam(model, head, crop, recipe.input) for head in heads],
    )
    return 0


def gradcam(model: nn.Module, head: Head, crop: np.ndarray, spec: InputSpec) -> Explanation:
    """What the answer of `head` to a uint8 crop (S, S, C) rests on: where more of it would raise
    the predicted class' logit or the age.

    Raises:
        UserError: the network has no spatial layer.
    """
    maps: list[Tensor] = []

    def keep(module: nn.Module, given: object, out: object) -> None:
        if (
            isinstance(out, Tensor)
            and out.ndim == 4
            and out.shape[2] * out.shape[3] > 1
            and out.requires_grad
        ):
            maps[:] = [out]

    hooks = [module.register_forward_hook(keep) for module in model.modules()]
    try:
        with torch.enable_grad():
            image = torch.from_numpy(
                to_input(crop[None], spec)
            ).requires_grad_()  # so that frozen parts pass gradients too
            z = model(image)[head.task][0]
            if not maps:
                raise UserError(
                    "Expected a network with a spatial layer, got none; try `python -m evaluation explain`."
                )
            score, answer = _score(head, z)
            [slope] = torch.autograd.grad(score, maps[0])  # (1, K, h, w)
    finally:
        for hook in hooks:
            hook.remove()
    weights = slope.mean(dim=(2, 3), keepdim=True)  # (1, K, 1, 1)
    cam = (
        torch.relu((weights * maps[0]).sum(dim=1))[0].detach().numpy().astype(np.float64)
    )  # (h, w)
    heat = np.maximum(cv2.resize(cam, (spec.size, spec.size), interpolation=cv2.INTER_LINEAR), 0)
    about = (
        "what makes it look older (years, relative)"
        if head.task == "age"
        else "what speaks for it (logit, relative)"
    )
    return Explanation(head.task, answer, heat, f"{about}; {cam.shape[0]}x{cam.shape[1]} fields")


def _score(head: Head, z: Tensor) -> tuple[Tensor, str]:
    """What is explained of logits (width,), and the answer in words."""
    perceived = "perceived " if head.task == "gender" else ""
    if head.kind == "softmax":
        best = int(z.argmax())
        return z[best], perceived + head.labels[best]
    if head.kind == "sigmoid":
        return (
            (z[0], perceived + head.labels[0]) if z[0] >= 0 else (-z[0], perceived + head.labels[1])
        )
    years = (z.softmax(0) * torch.arange(len(z))).sum() if head.kind == "distribution" else z[0]
    return years, f"{years.item():.0f} years"
