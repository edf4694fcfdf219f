"""The FER notebook's colour comparison, grey input.

BatchNorm once a block after both convolutions, a dense layer of 512.
"""

from dataclasses import replace

from train.recipe.settings import Model
from train.recipes._fer import BASE, blocks
from train.recipes.fer_cnn_b_plus import RECIPE as B_PLUS

RECIPE = replace(
    B_PLUS,
    model=Model(
        "fer_cnn",
        {
            "blocks": blocks(0.25, 0.30, 0.40),
            "norm": "block",
            "dense": 512,
            "dense_norm": False,
            "dropout": 0.50,
        },
    ),
    schedule=replace(BASE.schedule, patience=4, floor=2e-4),  # down to 1e-7
    epochs=30,
    patience=8,
    source="the FER capstone notebook (unpublished), colour comparison (section 8.1)",
    expected={"val_emotion_accuracy": 0.8384},
)
