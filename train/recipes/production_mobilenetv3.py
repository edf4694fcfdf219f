"""The second member of the 76.49 % report's ensemble: MobileNetV3-Large (arXiv 1905.02244).

Expected at about 75 %.
"""

from dataclasses import replace

from train.recipes._production import BASE, backbone

RECIPE = replace(
    BASE,
    model=backbone("mobilenetv3_large_100.ra_in1k"),
    source="the 76.49 % report (unpublished), option C",
    expected={"val_emotion_accuracy": 0.75},
)
