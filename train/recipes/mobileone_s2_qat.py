"""MobileOne-S2 after `mobileone_s2`, fine-tuned with the rounding of INT8.

The Smart Retail report's quantisation-aware training: it expects the network to be two to four
times as fast and a quarter of the size, and gives neither epochs nor accuracy.
"""

from dataclasses import replace

from train.recipe.settings import Optim, Schedule
from train.recipes.mobileone_s2 import RECIPE as FULL

RECIPE = replace(
    FULL,
    qat=True,
    start="runs/mobileone_s2",
    epochs=5,  # a tenth of the training it follows, at a tenth of its rate, down to nothing
    # no norm holds a step in check any more
    optim=Optim("adam", lr=1e-4, weight_decay=0.0, clip=1.0),
    schedule=Schedule(kind="cosine", floor=0.01),
    source="the Smart Retail report (unpublished), quantisation-aware training",
    expected={},
)
