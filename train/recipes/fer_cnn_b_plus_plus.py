"""Model B++ of the FER notebook: B+ with focal loss."""

from dataclasses import replace

from train.recipe.settings import Loss
from train.recipes.fer_cnn_b_plus import RECIPE as B_PLUS

RECIPE = replace(
    B_PLUS,
    losses={
        "emotion": Loss(
            "focal", options={"gamma": 2.0, "alpha": 0.25, "smoothing": 0.1}, balanced=True
        )
    },
    source="the FER capstone notebook (unpublished), Model B++ (section 5.2)",
    expected={"val_emotion_accuracy": 0.8530, "train_emotion_accuracy": 0.8735},
)
