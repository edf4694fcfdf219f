"""A network with three heads on drawn faces, for the studio's sample with pictures.

Small enough to ship, and stopped early, as `drawn_emotion`.
"""

from train.recipe.recipe import AGE, EMOTION8, GENDER, Recipe
from train.recipe.settings import Loss, Model
from train.recipes._fer import SOFT

RECIPE = Recipe(
    heads=(EMOTION8, GENDER, AGE),
    data=("synthetic",),
    model=Model("plain", {"stem": 16, "stages": [(32, 1), (64, 1), (128, 1)]}),
    losses={
        "emotion": Loss("soft_cross_entropy"),
        "gender": Loss("cross_entropy", 0.5),
        "age": Loss("age_distribution", 0.25),  # its value is several times the others'
    },
    augment=SOFT,
    epochs=14,
    source="ours",
)
