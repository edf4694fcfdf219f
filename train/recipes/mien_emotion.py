"""Release 0.4's teacher of emotions: the same trunk, for emotions alone and with mixup.

From another start, so that its errors differ from those of `mien_first` and what follows from it
(deep ensembles, arXiv 1612.01474).
"""

from dataclasses import replace

from train.recipe.recipe import EMOTION8
from train.recipe.settings import Mix
from train.recipes.mien_first import RECIPE as FIRST

RECIPE = replace(
    FIRST,
    heads=(EMOTION8,),
    data=("ferplus",),
    losses={"emotion": FIRST.losses["emotion"]},
    mix=Mix(mixup=0.2, probability=0.5),
    epochs=24,
    seed=11,
)
