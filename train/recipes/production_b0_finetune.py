"""Option B after the 76.49 % network: 30 more epochs from its best checkpoint, for 77 to 79 %.

At 1e-5 with heavier augmentation.
"""

from dataclasses import replace

from train.recipe.settings import Schedule
from train.recipes.production_b0 import RECIPE as B0
from train.recipes.production_b2 import HEAVY

RECIPE = replace(
    B0,
    start="runs/production_b0",
    model=replace(B0.model, pretrained=False),  # the checkpoint replaces every weight
    augment=HEAVY,
    optim=replace(B0.optim, lr=1e-5),
    schedule=Schedule(kind="constant"),
    epochs=30,
    source="the 76.49 % report (unpublished), option B",
    expected={"val_emotion_accuracy": 0.77},
)
