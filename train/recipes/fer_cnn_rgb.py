"""The FER notebook's colour comparison, RGB: the same network on three equal channels."""

from dataclasses import replace

from core.preprocess import InputSpec
from train.recipes.fer_cnn_grey import RECIPE as GREY

RECIPE = replace(
    GREY,
    input=InputSpec(size=48, channels=3, mean=(0.0,) * 3, std=(1.0,) * 3, align=False),
    expected={"val_emotion_accuracy": 0.8325},
)
