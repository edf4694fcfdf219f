"""Model 0 of the FER notebook: one convolution a block, on the course's unclean split."""

from dataclasses import replace

from train.recipe.settings import Model
from train.recipes._fer import BASE

RECIPE = replace(
    BASE,
    model=Model(
        "fer_cnn",
        {
            "blocks": [(32, 0.25), (64, 0.25), (128, 0.25)],
            "convolutions": 1,
            "norm": "before",
            "dense_norm": False,
            "dropout": 0.5,
        },
    ),
    optim=replace(BASE.optim, lr=1e-3),
    schedule=replace(BASE.schedule, floor=1e-3),
    source="the FER capstone notebook (unpublished), Model 0 (section 2.3)",
    expected={"val_emotion_accuracy": 0.6397, "train_emotion_accuracy": 0.5828},
)
