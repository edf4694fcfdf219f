"""Model B of the FER notebook: A with soft augmentation and more dropout."""

from dataclasses import replace

from train.recipe.settings import Model
from train.recipes._fer import SOFT, blocks
from train.recipes.fer_cnn_a import RECIPE as A

RECIPE = replace(
    A,
    model=Model("fer_cnn", {"blocks": blocks(0.25, 0.30, 0.40), "dropout": 0.50}),
    augment=SOFT,
    schedule=replace(A.schedule, patience=7),
    source="the FER capstone notebook (unpublished), Model B",
    expected={"val_emotion_accuracy": 0.8367, "train_emotion_accuracy": 0.8730},
)
