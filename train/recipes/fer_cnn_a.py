"""Model A of the FER notebook: two convolutions a block, light dropout, no augmentation.

On a clean split.
"""

from dataclasses import replace

from train.recipe.settings import Model
from train.recipes._fer import BASE, blocks

RECIPE = replace(
    BASE,
    model=Model("fer_cnn", {"blocks": blocks(0.20, 0.25, 0.30), "dropout": 0.40}),
    source="the FER capstone notebook (unpublished), Model A",
    expected={"val_emotion_accuracy": 0.8513, "train_emotion_accuracy": 0.9972},
)
