"""The shipped model: release 0.4, trained on with two more data sets and FER2013's labels.

Release 0.4 had learnt FER+ and UTKFace alone. It was trained in nine stages, whose recipes are in
this repository's history at commit 9675c5a; assets/releases/mien_0_4 has its weights, which this
recipe starts from and learns from.
"""

from dataclasses import replace

from train.recipe.settings import Distill
from train.recipes.mien_teacher import RECIPE as TEACHER

RELEASE_0_4 = "assets/releases/mien_0_4"

RECIPE = replace(
    TEACHER,
    model=replace(
        TEACHER.model, options={**TEACHER.model.options, "dropout": 0.35, "mirror": False}
    ),
    start=RELEASE_0_4,
    distill=Distill((RELEASE_0_4,), share=0.25, missing=0.25),
    augment=replace(TEACHER.augment, rotate=13.0, shift=0.09, zoom=0.15, erase=0.4, erase_max=0.25),
    optim=replace(TEACHER.optim, lr=1.5e-3),
    schedule=replace(TEACHER.schedule, warmup=0.05),
    epochs=12,
    seed=9,
    findings=(
        "FairFace and APPA-REAL learnt too (against release 0.4, both INT8): perceived gender on "
        "FairFace +7.6 points (+4.9 to +10.2, n 733), age on APPA-REAL -1.10 years (-1.49 to "
        "-0.72, n 478); on UTKFace no difference: perceived gender -0.1 points (-0.8 to +0.6), "
        "age +0.03 years (-0.07 to +0.12).",
        "FER2013's labels beside FER+'s votes: emotion by FER+'s majority -0.6 points (-1.4 to "
        "+0.1), sadness +4.6 (+1.8 to +7.3), neutral -3.5 (-4.9 to -2.1); by FER2013's own labels "
        "+2.1 points (+1.4 to +2.8).",
        "Each was trained once: the spread over seeds is not known. Differences are paired, on "
        "the same validation pictures, with 95 % intervals; table and commands: docs/training.md.",
    ),
)
