"""Release 0.4's seventh stage: `mien_strong`'s network at twice the input resolution.

It continues from the mean of the weights of `mien_fourth` and `mien_strong` (model soups, arXiv
2203.05482), whose first convolution of 3x3 pixels becomes one of 6x6 in steps of 2 that computes
the same on a crop of 96 pixels; all that follows costs what it did. Its teachers are both and the
teacher of emotions, at 48 pixels.
"""

from dataclasses import replace

from train.recipe.settings import Distill
from train.recipes.mien_strong import RECIPE as STRONG

RECIPE = replace(
    STRONG,
    input=replace(STRONG.input, size=2 * STRONG.input.size),
    model=replace(
        STRONG.model, options={**STRONG.model.options, "stem_kernel": 6, "stem_stride": 2}
    ),
    start="runs/mien_fourth,runs/mien_strong",
    distill=Distill(
        ("runs/mien_fourth", "runs/mien_strong", "runs/mien_emotion"), share=0.5, missing=0.5
    ),
    losses={**STRONG.losses, "gender": replace(STRONG.losses["gender"], weight=1.0)},
    augment=replace(STRONG.augment, lowres=0.35, lowres_min=0.3, blur_max=2.0),
    optim=replace(STRONG.optim, lr=1.5e-3),
    epochs=28,
    seed=6,
)
