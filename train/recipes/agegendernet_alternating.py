"""Phase 3 of the AgeGenderEmo report: batches of UTKFace and of an emotion data set in turn.

Five epochs; it diverged there.
"""

from dataclasses import replace

from train.recipe.settings import Sampling
from train.recipes._agegendernet import BASE, PHASE_1

RECIPE = replace(
    BASE,
    data=("utkface", "fer2013"),
    start=PHASE_1,
    sampling=Sampling("alternate"),
    epochs=5,
    source="the AgeGenderEmo report (unpublished), phase 3",
    expected={"val_loss": 3.8627},
)
