"""The ranges of a recipe's numbers: one outside trains nothing sensible, so it is refused."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from core.errors import ModelError, UserError
from train.recipe.recipe import Recipe, from_dict
from train.recipe.settings import Augment

ANY = math.inf
SHARE = (0.0, 1.0)

SHARES = ("mix.probability", *(f"schedule.{n}" for n in ("warmup", "floor", "initial", "factor")))
NOT_NEGATIVE = (
    *("augment.blur_max", "mix.mixup", "mix.cutmix"),
    *("optim.lr", "optim.weight_decay", "optim.clip"),
    *("losses.emotion.weight", "losses.gender.weight", "losses.age.weight"),
    *("schedule.patience", "freeze.epochs", "patience", "min_delta"),
)
RANGES: Mapping[str, tuple[float, float]] = {
    **{f"augment.{field.name}": SHARE for field in fields(Augment)},
    **dict.fromkeys(SHARES, SHARE),
    **dict.fromkeys(NOT_NEGATIVE, (0.0, ANY)),
    "augment.rotate": (0.0, 180.0),
    "augment.noise_max": (0.0, 255.0),
    "ema": (0.0, 0.999999),
    "seed": (0.0, 2.0**31 - 1),
}
"""Dotted name -> smallest and largest value."""


def check_values(recipe: Recipe) -> None:
    """Check the types of a recipe's values, the ranges of its numbers, and that it has data.

    Raises:
        UserError: a value is of another type, a number is outside its range, or there is no data
            set.
    """
    try:
        from_dict(recipe.to_dict())
    except (ModelError, TypeError, AttributeError) as error:
        raise UserError(f"Expected values of a recipe's types, got another: {error}") from error
    if not recipe.data:
        raise UserError("Expected data to name at least one data set, got none.")
    for name, value in numbers_of(recipe):
        low, high = RANGES.get(name, (-ANY, ANY))
        if not low <= value <= high:
            wanted = f"from {low:g}" + (f" to {high:g}" if high < ANY else "")
            raise UserError(f"Expected {name} {wanted}, got {value:g}.")


def numbers_of(node: Any, prefix: str = "") -> Iterator[tuple[str, float]]:
    """Yield the dotted name and value of each number of a recipe."""
    if is_dataclass(node):
        items = [(field.name, getattr(node, field.name)) for field in fields(node)]
    elif isinstance(node, Mapping):
        items = list(node.items())
    else:
        items = []
    for name, value in items:
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield prefix + name, value
        else:
            yield from numbers_of(value, f"{prefix}{name}.")
