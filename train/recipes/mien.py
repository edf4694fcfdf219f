"""The flagship: one small grey network, three heads, from scratch on FER+ and UTKFace. Regenerates what assets/models/mien ships."""

from train.recipe import AGE, EMOTION8, GENDER, Loss, Model, Recipe

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
    source="shared/DESIGN.md, section 6",
)
