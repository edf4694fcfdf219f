"""MobileOne-S2 (arXiv 2206.04040) with three heads: the Smart Retail report's full training.

50 epochs, batch 32.
"""

from dataclasses import replace

from train.recipes.mobileone_s2_quick import RECIPE as QUICK

RECIPE = replace(
    QUICK,
    epochs=50,
    batch=32,
    source="the Smart Retail report (unpublished), full training",
    expected={"val_emotion_accuracy": 0.75, "val_gender_accuracy": 0.90, "val_age_mae": 4.0},
)
