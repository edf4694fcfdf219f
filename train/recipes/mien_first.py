"""Release 0.4's network, from scratch: small, grey, three heads, on FER+ and UTKFace.

Release 0.4, `mien_0_4`, builds on it.
"""

from train.recipe.recipe import AGE, EMOTION8, GENDER, Recipe
from train.recipe.settings import Loss, Model

RECIPE = Recipe(
    heads=(EMOTION8, GENDER, AGE),
    data=("ferplus", "utkface"),
    model=Model("plain", {"stem": 32, "stages": [(64, 2), (128, 2), (256, 2)], "dropout": 0.3}),
    losses={
        "emotion": Loss("soft_cross_entropy"),
        "gender": Loss("cross_entropy", 0.5),
        "age": Loss("age_distribution", 0.25),  # its value is several times the others'
    },
    epochs=24,
    source="ours",
)
