"""The flagship's first stage on drawn faces, for the studio's sample with pictures.

Small enough to ship, and stopped early, as `drawn_emotion`.
"""

from dataclasses import replace

from train.recipe.settings import Model
from train.recipes._fer import SOFT
from train.recipes.mien_first import RECIPE as FIRST

RECIPE = replace(
    FIRST,
    data=("synthetic",),
    model=Model("plain", {"stem": 16, "stages": [(32, 1), (64, 1), (128, 1)]}),
    augment=SOFT,
    epochs=14,
)
