"""Build the network that a recipe describes, and count its parameters."""

from __future__ import annotations

import torch
from torch import nn

from core import registry
from core.errors import UserError
from core.models.base.network import parameter_counts
from train.compression import qat
from train.network.freeze import freeze
from train.recipe.recipe import Recipe


def build_network(recipe: Recipe) -> nn.Module:
    """Return the recipe's network with fresh weights, ready for training."""
    return prepare_for_training(build_architecture(recipe), recipe)


def build_architecture(recipe: Recipe, pretrained: bool = False) -> nn.Module:
    """Return the plain architecture: nothing frozen, no rounding.

    Args:
        recipe: says the model family, its options, the heads and the input.
        pretrained: begin with the weights that the family offers under the model's name.

    Raises:
        UserError: the options do not fit the family.
    """
    build = registry.load("core.models", recipe.model.family).build
    options = dict(recipe.model.options) | ({"pretrained": True} if pretrained else {})
    try:
        model: nn.Module = build(recipe.heads, recipe.input, **options)
    except (TypeError, ValueError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(
            f"Expected options of core/models/{recipe.model.family}.py in model.options, got "
            f"{options}: {error}"
        ) from error
    return model


def prepare_for_training(model: nn.Module, recipe: Recipe) -> nn.Module:
    """Return `model` in train mode, made to round if the recipe says so, with its frozen parts."""
    if recipe.qat:
        model = qat.prepare(model)
    freeze(model, recipe.freeze)
    return model.train()


def count_parameters(recipe: Recipe) -> dict[str, int]:
    """Return the parameters of the recipe's network by `total`, `trainable`, `non_trainable`.

    Its weights are not allocated.
    """
    with torch.device("meta"):
        return parameter_counts(build_network(recipe))
