"""The weights that a run begins with: fresh, pretrained, or those of other runs.

Where a recipe names weights that cannot be had, it stops; nothing is trained from scratch by
accident.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from core import progress, registry
from core.errors import UserError
from train.compression.fold_batchnorm import recalibrate_batchnorm
from train.network.build import build_architecture, build_network, prepare_for_training
from train.recipe.override import override
from train.recipe.recipe import Recipe
from train.runs.trained_weights import weights

MAX_NAMES_PRINTED = 6
GREY_SHARES = (0.299, 0.587, 0.114)
"""Of red, green and blue in grey, as OpenCV makes it (ITU-R BT.601)."""


def initialize(recipe: Recipe) -> nn.Module:
    """Return the network that a new run begins with.

    Raises:
        UserError: the weights that the recipe begins with cannot be had; names the way out.
    """
    if recipe.starts:
        return _from_runs(recipe)
    if recipe.model.pretrained:
        build = registry.load("core.models", recipe.model.family).build
        if "pretrained" not in inspect.signature(build).parameters:
            raise UserError(
                f"Expected a family with pretrained weights, got {recipe.model.family}; "
                "try --set model.pretrained=false."
            )
    model = build_architecture(recipe, recipe.model.pretrained)
    if recipe.qat:  # fresh BatchNorm statistics, folded, would scale nothing
        spec = recipe.input
        recalibrate_batchnorm(model, (spec.channels, spec.size, spec.size))
    return prepare_for_training(model, recipe)


def _from_runs(recipe: Recipe) -> nn.Module:
    """Return the recipe's network with the weights of its runs, where names and shapes agree."""
    try:
        trained, source = _mean_weights(recipe.starts)
    except UserError as error:
        raise UserError(
            f"{error} Or point to its run folder with --set start=DIR, "
            "or do without it with --set start=."
        ) from error
    if source.qat and not recipe.qat:
        raise UserError(
            f"Expected weights of an ordinary training, got {recipe.start}, "
            "whose norms are folded; try --set qat=true."
        )
    becomes_qat = recipe.qat and not source.qat  # then weights are loaded before it is folded
    model = build_architecture(recipe) if becomes_qat else build_network(recipe)
    state = model.state_dict()
    trained = _spread_kernels(trained, state, recipe.input.size // source.input.size)
    if (source.input.channels, recipe.input.channels) == (1, 3):
        trained = _to_colour(trained, state)
    fitting = {k: v for k, v in trained.items() if k in state and v.shape == state[k].shape}
    if not any(name.startswith("backbone.") for name in fitting):
        raise UserError(
            f"Expected {recipe.start} to hold weights for {recipe.model.family}, "
            "got none that fit; --set start= does without."
        )
    fresh = [name for name in state if name not in fitting]
    progress.say(
        f"starts from {recipe.start}: {len(fitting)} of {len(state)} tensors"
        + (f"; new: {', '.join(fresh[:MAX_NAMES_PRINTED])}" if fresh else "")
    )
    model.load_state_dict(fitting, strict=False)
    return model.train() if source.qat else prepare_for_training(model, recipe)


def _mean_weights(paths: Sequence[str]) -> tuple[dict[str, Tensor], Recipe]:
    """Return the mean of several runs' weights and statistics, and the first one's recipe.

    Model soups, arXiv 2203.05482. It helps where all were trained on from one network: the networks
    between them are then no worse.

    Raises:
        UserError: one cannot be had, or they are not of one network.
    """
    loaded = [weights(path) for path in paths]
    first, recipe = loaded[0]
    shapes = {name: value.shape for name, value in first.items()}
    for path, (state, other) in zip(paths, loaded, strict=True):
        if {k: v.shape for k, v in state.items()} != shapes or other.qat != recipe.qat:
            raise UserError(
                "Expected weights of one network, whose mean can be taken, "
                f"got another one in {path} than in {paths[0]}."
            )
    mean = dict(first)
    for name, value in first.items():
        if value.is_floating_point():
            total = torch.zeros_like(value)
            for state, _ in loaded:
                total += state[name]
            mean[name] = total / len(loaded)
    return mean, recipe


def _spread_kernels(
    trained: Mapping[str, Tensor], state: Mapping[str, Tensor], ratio: int
) -> dict[str, Tensor]:
    """Return the weights for crops of `ratio` times the side.

    Where a kernel is `ratio` times as large in `state`, each of its weights is spread over ratio^2
    pixels: in steps `ratio` times as long it computes what it did on the mean of those pixels.
    """
    spread = dict(trained)
    for name, value in trained.items():
        if ratio <= 1 or value.ndim != 4 or name not in state:
            continue
        if state[name].shape == (*value.shape[:2], *(ratio * n for n in value.shape[2:])):
            spread[name] = value.repeat_interleave(ratio, 2).repeat_interleave(ratio, 3) / ratio**2
    return spread


def _to_colour(trained: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights of a network of grey crops for colour ones.

    Where a kernel in `state` takes three channels instead of one, each of its weights is divided
    among them as grey is made of red, green and blue: it computes what it did on the grey picture.
    """
    shares = torch.tensor(GREY_SHARES).view(1, 3, 1, 1)
    return {
        name: value * shares
        if value.ndim == 4
        and name in state
        and (value.shape[1], state[name].shape) == (1, (len(value), 3, *value.shape[2:]))
        else value
        for name, value in trained.items()
    }


def load_network(path: str | Path, changes: Sequence[str] = ()) -> tuple[nn.Module, Recipe]:
    """Return a trained network in evaluation mode, and its recipe.

    Args:
        path: a run folder, a checkpoint or a bundle.
        changes: as for --set, of what the weights do not depend on.

    Raises:
        UserError: there is none, or the weights do not fit the changed recipe.
    """
    state, recipe = weights(path)
    recipe = override(recipe, list(changes))
    model = build_network(recipe)
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise UserError(
            f"Expected weights that fit {', '.join(changes) or 'their recipe'} in {path}, "
            f"got: {str(error)[:200]}"
        ) from error
    return model.eval(), recipe
