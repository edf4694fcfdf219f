"""Phase 5 of the AgeGenderEmo report: emotion alone, on a folder of 252 training and 180 validation
pictures; stopped at epoch 20.
"""

from dataclasses import replace

from train.recipes._agegendernet import EMOTION_ONLY

RECIPE = replace(
    EMOTION_ONLY,
    data=("image_folder",),
    epochs=20,
    source="shared/sources/004, phase 5",
    expected={"val_emotion_accuracy": 0.6207},
)
