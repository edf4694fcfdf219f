"""Grad-CAM (Selvaraju et al., ICCV 2017, arXiv 1610.02391): which pixels a prediction rests on.

From the gradients of a torch network at its last spatial layer. `python -m evaluation explain`
needs no torch and works on any model file; Grad-CAM uses the network's own gradients, and is as
coarse as that layer. Networks of tokens, such as ViT, have no spatial layer but the first: their
maps mean little.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.artifacts.card import Head
from core.errors import UserError
from core.preprocess import InputSpec, to_input
from evaluation.explanation.heatmap import Explanation


def gradcam(model: nn.Module, head: Head, crop: NDArray[np.uint8], spec: InputSpec) -> Explanation:
    """Return where in a crop the last spatial features raise the predicted class's logit or age.

    Args:
        model: in evaluation mode, input (1, C, S, S), output one tensor (1, width) per task.
        head: whose prediction is explained.
        crop: uint8 (S, S, C).
        spec: how the crop becomes the network's input.

    Raises:
        UserError: the network has no spatial layer.
    """
    activations: list[Tensor] = []

    def keep_last_spatial(module: nn.Module, inputs: object, output: object) -> None:
        if (
            isinstance(output, Tensor)
            and output.ndim == 4
            and output.shape[2] * output.shape[3] > 1
            and output.requires_grad
        ):
            activations[:] = [output]

    hooks = [module.register_forward_hook(keep_last_spatial) for module in model.modules()]
    try:
        with torch.enable_grad():
            # The input requires a gradient, so that frozen layers pass gradients too.
            image = torch.from_numpy(to_input(crop[None], spec)).requires_grad_()
            logits = model(image)[head.task][0]
            if not activations:
                raise UserError(
                    "Expected a network with a spatial layer, got none; "
                    "try `python -m evaluation explain`."
                )
            score, prediction = _score(head, logits)
            [gradient] = torch.autograd.grad(score, activations[0])  # (1, K, h, w)
    finally:
        for hook in hooks:
            hook.remove()
    weights = gradient.mean(dim=(2, 3), keepdim=True)  # (1, K, 1, 1)
    cam = torch.relu((weights * activations[0]).sum(dim=1))[0].detach().numpy()  # (h, w)
    heat = cv2.resize(
        cam.astype(np.float64), (spec.size, spec.size), interpolation=cv2.INTER_LINEAR
    )
    meaning = (
        "what makes it look older (years, relative)"
        if head.task == "age"
        else "what speaks for it (logit, relative)"
    )
    description = f"{meaning}; {cam.shape[0]}x{cam.shape[1]} fields"
    return Explanation(head.task, prediction, np.maximum(heat, 0), description)


def _score(head: Head, logits: Tensor) -> tuple[Tensor, str]:
    """Return what is explained of logits (width,), and the prediction in words."""
    perceived = "perceived " if head.task == "gender" else ""
    if head.kind == "softmax":
        best = int(logits.argmax())
        return logits[best], perceived + head.labels[best]
    if head.kind == "sigmoid":
        first = bool(logits[0] >= 0)
        return (logits[0] if first else -logits[0]), perceived + head.labels[0 if first else 1]
    years = (
        (logits.softmax(0) * torch.arange(len(logits))).sum()
        if head.kind == "distribution"
        else logits[0]
    )
    return years, f"{years.item():.0f} years"
