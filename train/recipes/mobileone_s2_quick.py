"""MobileOne-S2 (arXiv 2206.04040) with three heads: the Smart Retail report's quick training.

Five epochs on 3,436 images. The report's ages and genders were synthetic, so UTKFace stands in for
them; `--limit 1718`, of each data set, gives its number of images. The classes have the report's
order, 0 male and 1 female, neutral the fourth, so that its program reads our files.
"""

from train.recipe.recipe import EMOTION6, GENDER_MALE_FIRST, YEARS, Recipe
from train.recipe.settings import NO_AUGMENT, Model, Optim, Schedule
from train.recipes._production import LOSSES
from train.recipes._transfer import IMAGENET

RECIPE = Recipe(
    heads=(GENDER_MALE_FIRST, YEARS, EMOTION6),
    data=("fer2013", "utkface"),
    model=Model("timm_backbone", {"name": "mobileone_s2", "dropout": 0.3}),
    losses=LOSSES,
    input=IMAGENET,
    augment=NO_AUGMENT,
    optim=Optim("adam", lr=1e-3, weight_decay=0.0, clip=0.0),
    schedule=Schedule(kind="constant"),
    soft_labels=False,
    epochs=5,
    batch=16,
    amp="no",
    ema=0.0,
    source="the Smart Retail report (unpublished), quick training",
    # after the first epoch, with the age in a unit that the report does not give
    expected={"train_loss": 3.035},
)
