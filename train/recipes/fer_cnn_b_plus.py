"""Model B+ of the FER notebook: B with an L2 penalty, label smoothing, a cosine, and more data.

AffectNet images balance the classes.
"""

from dataclasses import replace

from train.recipe.settings import Loss, Schedule
from train.recipes._fer import L2
from train.recipes.fer_cnn_b import RECIPE as B

RECIPE = replace(
    B,
    data=("ferplus", "affectnet"),
    losses={"emotion": Loss("cross_entropy", options={"smoothing": 0.1}, balanced=True)},
    optim=replace(B.optim, l2={"backbone": L2}),  # the notebook leaves the last layer out
    schedule=Schedule(kind="cosine", floor=0.02),
    patience=20,
    source="the FER capstone notebook (unpublished), Model B+ (section 5.1)",
    expected={
        "val_emotion_accuracy": 0.8530,
        "train_emotion_accuracy": 0.8995,
        "test_emotion_accuracy": 0.8499,
    },
)
