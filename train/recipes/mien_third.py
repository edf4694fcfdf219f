"""Release 0.4's third stage: on from `mien_second`, with both its forerunners as teachers.

It learns from the labels and from them, also where an image has no label for a head (born-again
networks, arXiv 1805.04770). `mien_second` is still more often wrong on its training data, as
augmented, than on validation: so this stage augments less. Predictions are averaged over a face and
its mirror image.
"""

from dataclasses import replace

from train.recipe.settings import Distill
from train.recipes.mien_second import RECIPE as SECOND

RECIPE = replace(
    SECOND,
    start="runs/mien_second",
    distill=Distill(("runs/mien_first", "runs/mien_second"), share=0.5, missing=0.5),
    model=replace(SECOND.model, options={**SECOND.model.options, "dropout": 0.2, "mirror": True}),
    augment=replace(
        SECOND.augment, rotate=8.0, shift=0.05, zoom=0.1, light=0.2, erase=0.1, erase_max=0.2
    ),
    losses={**SECOND.losses, "gender": replace(SECOND.losses["gender"], weight=0.75)},
    optim=replace(SECOND.optim, lr=1.5e-3),
    schedule=replace(SECOND.schedule, warmup=0.05),
    epochs=16,
    seed=2,
)
