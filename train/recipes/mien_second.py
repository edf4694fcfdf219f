"""Release 0.4's second teacher: on from `mien_first` with a restarted learning rate.

Warm restart (arXiv 1608.03983) and stronger augmentation.
"""

from dataclasses import replace

from train.recipes.mien_first import RECIPE as FIRST

RECIPE = replace(
    FIRST,
    start="runs/mien_first",
    model=replace(FIRST.model, options={**FIRST.model.options, "dropout": 0.35}),
    augment=replace(FIRST.augment, rotate=13.0, shift=0.09, zoom=0.15, erase=0.4, erase_max=0.25),
    optim=replace(FIRST.optim, lr=2e-3),
    schedule=replace(FIRST.schedule, warmup=0.08),
    epochs=14,
    seed=1,
)
