"""The shipped model: release 0.4, trained on with two more data sets and FER2013's labels.

Release 0.4 (recipe `mien_0_4`) had learnt FER+ and UTKFace alone. Emotions are now learnt from
FER+'s votes and FER2013's labels together. FairFace has web photographs of seven races with ranges
of age, APPA-REAL real ages; both are drawn more often than their size, as they are small here. Its
teacher, for faces without a label for a head too, is the network that it starts from.
"""

from dataclasses import replace

from train.recipe.settings import Distill, Loss, Sampling
from train.recipes.mien_fine import RECIPE as FINE

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
)
