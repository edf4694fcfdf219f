"""The production training guide (unpublished): EfficientNet-B2 multi-task, focal loss.

Over 20 augmentations, warm restarts.
"""

from dataclasses import replace

from train.recipe.settings import Freeze, Loss, Mix, Optim, Schedule
from train.recipes._production import BASE, LIGHT, backbone

HEAVY = replace(
    LIGHT,
    lowres=0.1,
    blur=0.1,
    noise=0.2,
    jpeg=0.1,
    erase=0.1,
    elastic=0.1,
    grid=0.1,
    hue=0.2,
    saturation=0.2,
    gamma=0.1,
    clahe=0.1,
    equalise=0.05,
    motion=0.1,
    median=0.05,
    speckle=0.1,
    iso=0.1,
    holes=0.2,
)
"""Every change that train/batches/augment.py and train/batches/geometry.py know. The guide names
them and gives no probabilities.
"""

FEATURES = "backbone.features.net"
FROZEN = (
    *(f"{FEATURES}.{part}" for part in ("conv_stem", "bn1")),
    *(f"{FEATURES}.blocks.{i}" for i in range(5)),
    *(f"{FEATURES}.blocks.5.{i}" for i in range(3)),
)
"""The guide trains 5 M of its 8 M parameters and does not name them: the earliest layers, up to the
third block of the sixth stage, keep their ImageNet weights, and 5.2 M are left.
"""

RECIPE = replace(
    BASE,
    data=("fer2013", "utkface", "rafdb", "affectnet"),
    # A hidden layer of 128 in each head makes the guide's 8 M parameters.
    model=backbone("efficientnet_b2.ra_in1k", hidden=128, hidden_dropout=0.4),
    freeze=Freeze(FROZEN),
    losses={
        **BASE.losses,
        "emotion": Loss("focal", options={"gamma": 2.0, "alpha": 0.25, "smoothing": 0.1}),
    },
    augment=HEAVY,
    optim=Optim("adamw", lr=1e-4, weight_decay=1e-4, clip=1.0),
    schedule=Schedule(kind="restarts", period=10, multiply=2, floor=0.0),
    mix=Mix(mixup=0.3, cutmix=1.0, probability=0.5),
    epochs=100,
    batch=64,
    accumulation=1,
    monitor="score",  # the guide has a criterion for each head
    patience=15,
    min_delta=0.001,
    source="the production training guide (unpublished)",
    # The low ends of the guide's ranges for a T4, which are also its success criteria.
    expected={"val_emotion_accuracy": 0.78, "val_gender_accuracy": 0.92, "val_age_mae": 4.0},
)
