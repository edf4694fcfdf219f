"""Phase 4 of the AgeGenderEmo report: age and gender on Wiki faces.

Five epochs on a subset of 100 (`--limit 100`).
"""

from dataclasses import replace

from train.recipes._agegendernet import AGE_AND_GENDER, PHASE_1

RECIPE = replace(
    AGE_AND_GENDER,
    data=("wiki",),
    start=PHASE_1,
    epochs=5,
    source="the AgeGenderEmo report (unpublished), phase 4",
    expected={"val_loss": 2.7590, "val_age_mae": 3.36, "val_gender_accuracy": 0.94},
)
