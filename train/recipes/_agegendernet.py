"""What the recipes of the AgeGenderEmo report (unpublished) share.

Age is one number, gender one logit, emotion eight soft labels. The report does not say in which
unit ages are. It cannot be years: its mean error of 2.52 years alone would make a squared error of
at least 6.35, and its whole loss is 4.29. So `unit=10` counts them in decades. Nor does it give the
input resolution; 64 fits its speed of 2.4 batches of 64 a second on a CPU.
"""

from dataclasses import replace

from core.preprocess import InputSpec
from train.recipe.recipe import EMOTION8, GENDER_SIGMOID, YEARS, Recipe
from train.recipe.settings import NO_AUGMENT, Loss, Model, Optim, Schedule

BASE = Recipe(
    heads=(YEARS, GENDER_SIGMOID, EMOTION8),
    data=("ffhq_features",),
    model=Model("agegendernet"),
    losses={
        "age": Loss("mean_squared_error", 1.0, {"unit": 10.0}),
        "gender": Loss("binary_cross_entropy", 10.0),
        "emotion": Loss("kl", 5.0),
    },
    input=InputSpec(size=64, channels=3, mean=(0.5,) * 3, std=(0.25,) * 3),
    augment=replace(NO_AUGMENT, flip=0.5),
    optim=Optim("adam", lr=1e-4, weight_decay=1e-5, clip=0.0),
    schedule=Schedule(kind="plateau", factor=0.5, patience=5, floor=0.0),
    epochs=30,
    batch=64,
    amp="no",
    ema=0.0,
    monitor="loss",
    patience=10,
)

AGE_AND_GENDER = replace(
    BASE, heads=BASE.heads[:2], losses={k: BASE.losses[k] for k in ("age", "gender")}
)
EMOTION_ONLY = replace(
    BASE,
    heads=BASE.heads[2:],
    losses={"emotion": BASE.losses["emotion"]},
    monitor="emotion_accuracy",  # the report gives its best accuracy, for the others the best loss
)
PHASE_1 = "runs/agegendernet_utkface"
"""The run that later phases begin with; `--set start=DIR` names another."""
