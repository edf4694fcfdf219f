"""The flagship: from the mean of the weights of `mien_fourth` and `mien_strong`, which went on from it (model soups, arXiv 2203.05482), on
at a low learning rate, taught by both and by the teacher of emotions. It looks once; its teachers' word is on a face and its mirror image.
Regenerates what assets/models/mien ships: `python -m train` trains all that it builds on, too."""

from dataclasses import replace

from train.recipes.mien_strong import RECIPE as STRONG
from train.settings import Distill

RECIPE = replace(
    STRONG,
    start="runs/mien_fourth,runs/mien_strong",
    distill=Distill(("runs/mien_fourth", "runs/mien_strong", "runs/mien_emotion"), share=0.7, missing=0.5),
    optim=replace(STRONG.optim, lr=2e-4),
    epochs=3,
    seed=5,
)
