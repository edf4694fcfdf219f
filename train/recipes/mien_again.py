"""On from `mien_fine`, with a high learning rate again and more weight on perceived gender.

Perceived gender was best in `mien_fine`'s middle; what this stage loses in emotions, `mien_0_4`
regains by the mean of both.
"""

from dataclasses import replace

from train.recipes.mien_fine import RECIPE as FINE

RECIPE = replace(
    FINE,
    start="runs/mien_fine",
    losses={**FINE.losses, "gender": replace(FINE.losses["gender"], weight=1.5)},
    optim=replace(FINE.optim, lr=1e-3),
    epochs=4,
    seed=7,
)
