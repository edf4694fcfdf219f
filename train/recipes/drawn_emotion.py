"""Model 0 of the FER notebook on drawn faces, for the studio's sample with pictures.

Small enough to ship, and stopped early: a model without errors would leave the studio nothing to
show.
"""

from dataclasses import replace

from train.recipe.recipe import EMOTION8
from train.recipes._fer import SOFT
from train.recipes.fer_cnn_0 import RECIPE as MODEL_0

SMALL = {"dense": 64, "dense_norm": True, "dropout": 0.2, "momentum": 0.1}
"""Without the BatchNorm a layer this narrow learns nothing: its ReLUs die in the first epoch."""

RECIPE = replace(
    MODEL_0,
    heads=(EMOTION8,),
    data=("synthetic",),
    model=replace(MODEL_0.model, options={**MODEL_0.model.options, **SMALL}),
    augment=SOFT,
    epochs=6,
    amp="bf16",
    source="ours",
    expected={},
)
