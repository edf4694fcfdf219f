"""What a run begins with: a network of fresh weights, of pretrained ones, or of those of another
run. Where the recipe wants weights that cannot be had, it stops; nothing is trained from scratch by
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
from train.compression import qat
from train.compression.fold_batchnorm import settle
from train.loop.freeze import freeze
from train.recipe.recipe import Recipe, override
from train.runs.trained_weights import weights


def build_model(recipe: Recipe, pretrained: bool = False) -> nn.Module:
    """The recipe's network; its frozen parts want no gradient. Weights are fresh unless
    `pretrained`.
    """
    return _ready(_build(recipe, pretrained), recipe)


def _build(recipe: Recipe, pretrained: bool = False) -> nn.Module:
    build = registry.load("core.models", recipe.model.family).build
    return build(
        recipe.heads,
        recipe.input,
        **recipe.model.options,
        **({"pretrained": True} if pretrained else {}),
    )


def _ready(model: nn.Module, recipe: Recipe) -> nn.Module:
    if recipe.qat:
        model = qat.prepare(model)
    freeze(model, recipe.freeze)
    return model.train()


def count_parameters(recipe: Recipe) -> dict[str, int]:
    """total, trainable, non_trainable of the recipe's network, without making its weights."""
    from core.models.base.network import parameter_counts

    with torch.device("meta"):
        return parameter_counts(build_model(recipe))


def begin(recipe: Recipe) -> nn.Module:
    """The network that a new run begins with.

    Raises:
        UserError: the weights that the recipe begins with cannot be had; names the way out.
    """
    if recipe.starts:
        return _from_run(recipe)
    if recipe.model.pretrained:
        build = registry.load("core.models", recipe.model.family).build
        if "pretrained" not in inspect.signature(build).parameters:
            raise UserError(
                f"Expected a family with pretrained weights, got {recipe.model.family}; try --set model.pretrained=false."
            )
    model = _build(recipe, recipe.model.pretrained)
    if recipe.qat:  # norms that never saw a picture would leave nothing to fold
        settle(model, (recipe.input.channels, recipe.input.size, recipe.input.size))
    return _ready(model, recipe)


def _mean(paths: Sequence[str]) -> tuple[dict[str, Tensor], Recipe]:
    """The mean of several runs' weights and BatchNorm statistics (model soups, arXiv 2203.05482),
    and the first one's recipe. It is worth something where all went on from one network: then no
    worse ones lie between them.

    Raises:
        UserError: one cannot be had, or they are not of one network.
    """
    states, recipes = zip(*map(weights, paths), strict=True)
    shapes = [{name: value.shape for name, value in state.items()} for state in states]
    for path, shape, recipe in zip(paths, shapes, recipes, strict=True):
        if shape != shapes[0] or recipe.qat != recipes[0].qat:
            raise UserError(
                f"Expected weights of one network, whose mean can be taken, got another one in {path} than in {paths[0]}."
            )
    mean = {
        k: sum(s[k] for s in states) / len(states) if v.is_floating_point() else v
        for k, v in states[0].items()
    }
    return mean, recipes[0]  # type: ignore[return-value]  # the sum begins with 0


def _from_run(recipe: Recipe) -> nn.Module:
    try:
        theirs, source = _mean(recipe.starts)
    except UserError as error:
        raise UserError(
            f"{error} Or point to its run folder with --set start=DIR, or do without it with --set start=."
        ) from error
    if source.qat and not recipe.qat:
        raise UserError(
            f"Expected weights of an ordinary training, got {recipe.start}, whose norms are folded; try --set qat=true."
        )
    model = _build(recipe) if recipe.qat and not source.qat else build_model(recipe)
    mine = model.state_dict()
    theirs = _finer(theirs, mine, recipe.input.size // source.input.size)
    fits = {k: v for k, v in theirs.items() if k in mine and v.shape == mine[k].shape}
    if not any(k.startswith("backbone.") for k in fits):
        raise UserError(
            f"Expected {recipe.start} to hold weights for {recipe.model.family}, got none that fit; --set start= does without."
        )
    fresh = [k for k in mine if k not in fits]
    progress.say(
        f"starts from {recipe.start}: {len(fits)} of {len(mine)} tensors"
        + (f"; new: {', '.join(fresh[:6])}" if fresh else "")
    )
    model.load_state_dict(fits, strict=False)
    return model.train() if source.qat else _ready(model, recipe)


def _finer(theirs: dict[str, Tensor], mine: Mapping[str, Tensor], ratio: int) -> dict[str, Tensor]:
    """The same weights for crops of `ratio` times the side: where a kernel is `ratio` times as
    large here, each of its weights is spread over ratio^2 pixels, so that it answers, in steps
    `ratio` times as long, as it did to the mean of those pixels.
    """
    spread = dict(theirs)
    for name, value in theirs.items():
        if (
            ratio > 1
            and value.ndim == 4
            and name in mine
            and mine[name].shape == (*value.shape[:2], *(ratio * n for n in value.shape[2:]))
        ):
            spread[name] = value.repeat_interleave(ratio, 2).repeat_interleave(ratio, 3) / ratio**2
    return spread


def network(path: str | Path, changes: Sequence[str] = ()) -> tuple[nn.Module, Recipe]:
    """The trained network of a run folder, a checkpoint or a bundle, in evaluation mode, and its
    recipe. changes: as for --set, of what the weights do not depend on.

    Raises:
        UserError: there is none, or the weights do not fit the changed recipe.
    """
    state, recipe = weights(path)
    recipe = override(recipe, list(changes))
    model = build_model(recipe)
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise UserError(
            f"Expected weights that fit {', '.join(changes) or 'their recipe'} in {path}, got: {str(error)[:200]}"
        ) from error
    return model.eval(), recipe
