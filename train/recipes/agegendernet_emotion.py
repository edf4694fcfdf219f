"""Phase 5 of the AgeGenderEmo report: emotion alone, on a small folder.

It had 252 training and 180 validation images; training stopped at epoch 20.
"""

from dataclasses import replace

from train.recipes._agegendernet import EMOTION_ONLY

RECIPE = replace(
    EMOTION_ONLY,
    data=("image_folder",),
    epochs=20,
    source="the AgeGenderEmo report (unpublished), phase 5",
    expected={"val_emotion_accuracy": 0.6207},
)
