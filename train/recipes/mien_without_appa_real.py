"""`mien` without APPA-REAL, for cross-data-set validation.

Its predictions for APPA-REAL say what the network does on pictures from elsewhere. Shorter
than `mien`.
"""

from dataclasses import replace

from train.recipes.mien import RECIPE as FOUR_SETS

LEFT_OUT = "appa_real"

RECIPE = replace(
    FOUR_SETS,
    data=tuple(name for name in FOUR_SETS.data if name != LEFT_OUT),
    validation=tuple(name for name in FOUR_SETS.validation if name != LEFT_OUT),
    epochs=3,
    findings=(),
)
