"""Model C of the FER notebook: B with a strong L2 penalty on the dense layers.

A cosine from 1e-3.
"""

from dataclasses import replace

from train.recipe.settings import Schedule
from train.recipes.fer_cnn_b import RECIPE as B

RECIPE = replace(
    B,
    optim=replace(B.optim, lr=1e-3, l2={"backbone.dense": 1e-3, "heads": 1e-3}),
    schedule=Schedule(kind="cosine", floor=0.01),
    source="the FER capstone notebook (unpublished), Model C",
    expected={"val_emotion_accuracy": 0.8419, "train_emotion_accuracy": 0.8236},
)
