"""EfficientNet-B0 (Tan & Le, arXiv 1905.11946), frozen, with the FER notebook's neck of 256.

The weights are those that Keras ships too.
"""

from dataclasses import replace

from train.recipe.settings import Model
from train.recipes._transfer import IMAGENET, TRANSFER

RECIPE = replace(
    TRANSFER,
    model=Model(
        "timm_backbone",
        {"name": "tf_efficientnet_b0.aa_in1k", "neck": [(256, True, 0.5)]},
        pretrained=True,
    ),
    input=IMAGENET,
    source="the FER capstone notebook (unpublished), section 6.3",
    expected={"val_emotion_accuracy": 0.7481},
)
