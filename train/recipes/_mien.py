"""What the recipes for cross-data-set validation share."""

from dataclasses import replace

from train.recipe.recipe import Recipe
from train.recipes.mien import RECIPE as MIEN


def without(dataset: str) -> Recipe:
    """Return a shorter `mien` that neither learns a data set nor is validated on it."""
    return replace(
        MIEN,
        data=tuple(name for name in MIEN.data if name != dataset),
        validation=tuple(name for name in MIEN.validation if name != dataset),
        epochs=3,
        findings=(),
    )
