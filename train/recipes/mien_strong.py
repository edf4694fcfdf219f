"""`mien_plain` with the augmentation and dropout of `mien_second`."""

from dataclasses import replace

from train.recipes.mien_plain import RECIPE as PLAIN
from train.recipes.mien_second import RECIPE as SECOND

RECIPE = replace(
    PLAIN,
    augment=SECOND.augment,
    model=replace(
        PLAIN.model, options={**PLAIN.model.options, "dropout": SECOND.model.options["dropout"]}
    ),
)
