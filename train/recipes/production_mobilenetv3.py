"""The second member of the 76.49 % report's ensemble: MobileNetV3-Large (Howard et al., arXiv
1905.02244), expected at about 75 %.
"""

from dataclasses import replace

from train.recipes._production import BASE, backbone

RECIPE = replace(
    BASE,
    model=backbone("mobilenetv3_large_100.ra_in1k"),
    source="shared/sources/000, option C",
    expected={"val_emotion_accuracy": 0.75},
)
