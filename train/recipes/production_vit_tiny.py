"""The third member of the 76.49 % report's ensemble: ViT-Tiny (arXiv 2012.12877).

Expected at about 77 %.
"""

from dataclasses import replace

from core.preprocess import InputSpec
from train.recipes._production import BASE, backbone

RECIPE = replace(
    BASE,
    model=backbone("vit_tiny_patch16_224.augreg_in21k_ft_in1k"),
    # what these weights were trained with
    input=InputSpec(size=224, channels=3, mean=(0.5,) * 3, std=(0.5,) * 3),
    source="the 76.49 % report (unpublished), option C",
    expected={"val_emotion_accuracy": 0.77},
)
