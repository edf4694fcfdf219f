"""Release 0.4's fourth stage, release 0.2.0: on from `mien_third`, with teachers.

It learns from the labels, from its own predictions and from a teacher of emotions that was trained
separately. Predictions are averaged over a face and its mirror image.
"""

from dataclasses import replace

from train.recipe.settings import Distill
from train.recipes.mien_third import RECIPE as THIRD

RECIPE = replace(
    THIRD,
    start="runs/mien_third",
    distill=Distill(("runs/mien_third", "runs/mien_emotion"), share=0.5, missing=0.5),
    epochs=14,
    seed=3,
)
