"""Mien's network from scratch, first of two stages: the teacher of the second.

Emotions are learnt from FER+'s votes and FER2013's labels together. FairFace has web photographs of
seven races with ranges of age, APPA-REAL real ages; both are drawn more often than their size, as
they are small here. Crops have 96 pixels a side, of which the first convolution, 6x6 in steps of 2,
makes 48: what follows costs what it would on crops of 48.
"""

from core.preprocess import InputSpec
from train.recipe.recipe import AGE, EMOTION8, GENDER, Recipe
from train.recipe.settings import Augment, Loss, Model, Sampling

RECIPE = Recipe(
    heads=(EMOTION8, GENDER, AGE),
    data=("ferplus_fer2013", "utkface", "fairface", "appa_real"),
    validation=("ferplus", "utkface", "fairface", "appa_real"),
    sampling=Sampling(
        "weighted",
        {"ferplus_fer2013": 0.42, "utkface": 0.32, "fairface": 0.2, "appa_real": 0.06},
    ),
    input=InputSpec(size=96),
    model=Model(
        "plain",
        {
            "stem": 32,
            "stages": [(64, 2), (128, 2), (256, 2)],
            "stem_kernel": 6,
            "stem_stride": 2,
            "dropout": 0.3,
        },
    ),
    losses={
        "emotion": Loss("soft_cross_entropy"),
        "gender": Loss("cross_entropy", 1.0),
        "age": Loss("age_interval", 0.25),  # its value is several times the others'
    },
    augment=Augment(lowres=0.35, lowres_min=0.3, blur_max=2.0),
    epochs=24,
    source="ours",
)
