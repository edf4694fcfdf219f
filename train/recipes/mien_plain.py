"""On from `mien_fourth`, without its flip averaging; docs/training.md says what it showed."""

from dataclasses import replace

from train.recipe.settings import Distill
from train.recipes.mien_fourth import RECIPE as FOURTH

RECIPE = replace(
    FOURTH,
    start="runs/mien_fourth",
    distill=Distill(("runs/mien_fourth", "runs/mien_emotion"), share=0.5, missing=0.5),
    model=replace(FOURTH.model, options={**FOURTH.model.options, "mirror": False}),
    optim=replace(FOURTH.optim, lr=1e-3),
    epochs=6,
    seed=4,
)
