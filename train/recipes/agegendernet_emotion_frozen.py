"""Phase 2 of the AgeGenderEmo report: an emotion head on the frozen network of phase 1.

It generalised poorly there.
"""

from dataclasses import replace

from train.recipe.settings import Freeze
from train.recipes._agegendernet import BASE, PHASE_1

RECIPE = replace(
    BASE,
    data=("fer2013",),
    start=PHASE_1,
    freeze=Freeze(("backbone", "heads.age", "heads.gender")),
    source="the AgeGenderEmo report (unpublished), phase 2",
)
