"""The shipped model: release 0.4, trained on with two more data sets and FER2013's labels.

Release 0.4 (recipe `mien_0_4`) had learnt FER+ and UTKFace alone. Emotions are now learnt from
FER+'s votes and FER2013's labels together. FairFace has web photographs of seven races with ranges
of age, APPA-REAL real ages; both are drawn more often than their size, as they are small here. Its
teacher, for faces without a label for a head too, is the network that it starts from.
"""

from dataclasses import replace

from train.recipe.settings import Distill, Loss, Sampling
from train.recipes.mien_fine import RECIPE as FINE
from train.recipes.mien_once import RECIPE as ONCE

RECIPE = replace(
    FINE,
    data=("ferplus_fer2013", "utkface", "fairface", "appa_real"),
    validation=("ferplus", "utkface", "fairface", "appa_real"),
    sampling=Sampling(
        "weighted",
        {"ferplus_fer2013": 0.42, "utkface": 0.32, "fairface": 0.2, "appa_real": 0.06},
    ),
    start="assets/releases/mien_0_4",
    distill=Distill(("assets/releases/mien_0_4",), share=0.25, missing=0.25),
    losses={**FINE.losses, "age": Loss("age_interval", FINE.losses["age"].weight)},
    optim=replace(FINE.optim, lr=1.5e-3),
    schedule=replace(FINE.schedule, warmup=0.05),
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
        ONCE.findings[3],  # how to read them
    ),
)
