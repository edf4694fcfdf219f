"""Release 0.3.0: on from the mean of `mien_fourth` and `mien_strong`, without flip averaging.

The mean of their weights (model soups, arXiv 2203.05482), trained on at a low learning rate with
both and the teacher of emotions as teachers, whose predictions are flip averages.
"""

from dataclasses import replace

from train.recipe.settings import Distill
from train.recipes.mien_strong import RECIPE as STRONG

RECIPE = replace(
    STRONG,
    start="runs/mien_fourth,runs/mien_strong",
    distill=Distill(
        ("runs/mien_fourth", "runs/mien_strong", "runs/mien_emotion"), share=0.7, missing=0.5
    ),
    optim=replace(STRONG.optim, lr=2e-4),
    epochs=3,
    seed=5,
    findings=(
        "Augmentation and dropout, more against less (`mien_strong` against `mien_plain`, 6 "
        "epochs each from the same weights): "
        "emotion +0.06 points (-0.53 to +0.70), perceived gender +0.00 (-0.74 to +0.80), age "
        "+0.010 years (-0.063 to +0.089): no difference.",
        "Faces drawn at 0.9 of their size, with more around them (`mien_wide` against "
        "`mien_strong`): emotion -1.04 points (-1.91 "
        "to -0.28), perceived gender +0.53 (-0.21 to +1.43), age +0.083 years (-0.021 to +0.176): "
        "emotions lose, so this was not taken.",
        "Six more epochs (`mien_plain` against `mien_fourth`, both without flip averaging): "
        "emotion +0.00 points (-0.54 to +0.53), "
        "perceived gender -0.16 (-0.74 to +0.43), age -0.005 years (-0.067 to +0.053): training "
        "longer changes nothing any more.",
        "Each was trained once: the spread over seeds is not known. Differences are paired, on "
        "the same validation pictures, with 95 % intervals; table and commands: docs/training.md.",
    ),
)
