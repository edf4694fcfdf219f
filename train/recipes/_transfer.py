"""What the three transfer networks of the FER notebook share.

A frozen ImageNet backbone on 224x224 images, and a small neck that learns.
"""

from dataclasses import replace

from core.preprocess import InputSpec
from train.recipe.settings import Freeze, Loss
from train.recipes._fer import BASE

PLAIN = InputSpec(size=224, channels=3, mean=(0.0,) * 3, std=(1.0,) * 3, align=False)
"""0..1, as the notebook feeds VGG16 and ResNet50V2; it leaves out what their weights expect, which
may be why they fall behind.
"""
IMAGENET = replace(PLAIN, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))

TRANSFER = replace(
    BASE,
    data=("ferplus", "affectnet"),
    input=PLAIN,
    losses={"emotion": Loss("cross_entropy", options={"smoothing": 0.1}, balanced=True)},
    optim=replace(BASE.optim, lr=1e-4),
    schedule=replace(BASE.schedule, floor=1e-3),  # down to 1e-7
    freeze=Freeze(("backbone.features",)),
    patience=10,
)
