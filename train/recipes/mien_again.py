"""On from `mien_fine` with a learning rate that is high again and more weight on perceived gender,
which was best in `mien_fine`'s middle; what it forgets of emotions, `mien` has back from the mean
of both.
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
