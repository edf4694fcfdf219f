"""ResNet-50 with pre-activation (arXiv 1603.05027), frozen, with the FER notebook's neck of 256."""

from dataclasses import replace

from train.recipe.settings import Model
from train.recipes._transfer import TRANSFER

RECIPE = replace(
    TRANSFER,
    model=Model(
        "timm_backbone",
        {"name": "resnetv2_50.a1h_in1k", "neck": [(256, True, 0.5)]},
        pretrained=True,
    ),
    source="the FER capstone notebook (unpublished), section 6.2",
    expected={"val_emotion_accuracy": 0.7184},
)
