"""`mien_teacher` on FER+ and UTKFace alone, for those who have no other data sets."""

from dataclasses import replace

from train.recipe.settings import Loss, Sampling
from train.recipes.mien_teacher import RECIPE as TEACHER

RECIPE = replace(
    TEACHER,
    data=("ferplus", "utkface"),
    validation=(),
    sampling=Sampling(),
    losses={**TEACHER.losses, "age": Loss("age_distribution", TEACHER.losses["age"].weight)},
)
