"""Model D of the FER notebook: five blocks and a global average.

BatchNorm once a block, pooling after the first and third only.
"""

from dataclasses import replace

from train.recipe.settings import Model
from train.recipes._fer import BASE
from train.recipes.fer_cnn_b_plus import RECIPE as B_PLUS

RECIPE = replace(
    B_PLUS,
    model=Model(
        "fer_cnn",
        {
            "blocks": [(32, 0.25), (64, 0.30), (128, 0.35), (256, 0.40), (512, 0.50)],
            "norm": "block",
            "pool_after": [1, 3],
            "average": True,
            "average_dropout": 0.5,
            "dense": 512,
            "dense_norm": False,
            "dropout": 0.5,
        },
    ),
    schedule=replace(BASE.schedule, floor=2e-4),  # down to 1e-7
    patience=10,
    source="the FER capstone notebook (unpublished), Model D (section 7.1)",
    expected={"val_emotion_accuracy": 0.8539},
)
