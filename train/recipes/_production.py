"""What the recipes of the 76.49 % report (unpublished) share.

Multi-task heads on ImageNet backbones at 224 px, hard labels. The report gives the optimisation; it
says nothing of the age head, which follows the same project's Smart Retail report (unpublished):
one output in years under absolute error. `unit=10` counts it in decades, as the reported loss of
3.035 leaves no room for errors counted in years.
"""

from dataclasses import replace

from train.recipe.recipe import EMOTION7, GENDER, YEARS, Recipe
from train.recipe.settings import NO_AUGMENT, Loss, Mix, Model, Optim, Schedule
from train.recipes._transfer import IMAGENET

LOSSES = {
    "emotion": Loss("cross_entropy"),
    "gender": Loss("cross_entropy"),
    "age": Loss("mean_absolute_error", options={"unit": 10.0}),
}

LIGHT = replace(NO_AUGMENT, flip=0.5, rotate=15, zoom=0.1, shift=0.1, light=0.2)
"""The report names "advanced augmentation" without values."""


def backbone(name: str, **options: object) -> Model:
    """Return a pretrained backbone of timm with the report's dropout before the heads."""
    return Model("timm_backbone", {"name": name, "dropout": 0.5, **options}, pretrained=True)


BASE = Recipe(
    heads=(EMOTION7, GENDER, YEARS),
    data=("fer2013", "utkface", "rafdb"),
    model=backbone("efficientnet_b0.ra_in1k"),
    losses=LOSSES,
    input=IMAGENET,
    augment=LIGHT,
    optim=Optim("adamw", lr=3e-4, weight_decay=1e-4, clip=1.0),
    # torch's defaults: a last rate of 1/25 of 1e-4
    schedule=Schedule(kind="one_cycle", warmup=0.3, floor=4e-6),
    mix=Mix(mixup=0.3, probability=0.3),
    soft_labels=False,
    epochs=150,
    batch=16,
    accumulation=4,
    ema=0.0,
    amp="fp16",
    monitor="emotion_accuracy",
    patience=15,
)
