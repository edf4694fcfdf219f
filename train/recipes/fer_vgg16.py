"""VGG16 (arXiv 1409.1556), frozen, with the FER notebook's neck of 512 and 256."""

from dataclasses import replace

from train.recipe.settings import Model
from train.recipes._transfer import TRANSFER

RECIPE = replace(
    TRANSFER,
    model=Model(
        "timm_backbone",
        {"name": "vgg16.tv_in1k", "neck": [(512, True, 0.5), (256, False, 0.3)]},
        pretrained=True,
    ),
    source="the FER capstone notebook (unpublished), section 6.1",
    expected={"val_emotion_accuracy": 0.6508, "train_emotion_accuracy": 0.5912},
)
