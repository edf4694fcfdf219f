"""Phase 6 of the AgeGenderEmo report, its success: all three tasks on FFHQ-Features.

Soft emotion labels; best at epoch 24 of 30.
"""

from dataclasses import replace

from train.recipes._agegendernet import BASE

RECIPE = replace(
    BASE,
    source="the AgeGenderEmo report (unpublished), phase 6",
    expected={
        "val_loss": 4.2871,
        "val_age_mae": 2.52,
        "val_gender_accuracy": 0.9719,
        "val_emotion_accuracy": 0.9335,
        "epoch": 24,
    },
)
