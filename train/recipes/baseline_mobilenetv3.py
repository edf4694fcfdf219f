"""The 61.84 % predecessor of the production networks: MobileNetV3-Small on FER2013 alone.

"Basic" training at a fixed rate, from scratch. The 76.49 % report and the production training guide
disagree about the backbone (MobileNetV3-Small; "simple CNN"); the rate, dropout and loss come from
the guide's table.
"""

from dataclasses import replace

from train.recipe.recipe import EMOTION7
from train.recipe.settings import Loss, Mix, Model, Optim, Schedule
from train.recipes._production import BASE

RECIPE = replace(
    BASE,
    heads=(EMOTION7,),
    data=("fer2013",),
    model=Model("timm_backbone", {"name": "mobilenetv3_small_100", "dropout": 0.3}),
    losses={"emotion": Loss("cross_entropy")},
    optim=Optim("adam", lr=1e-3, weight_decay=0.0, clip=0.0),
    schedule=Schedule(kind="constant"),
    mix=Mix(),
    epochs=50,
    batch=64,
    accumulation=1,
    amp="no",
    patience=0,
    source="the 76.49 % report and the production training guide (unpublished), the previous model",
    expected={"val_emotion_accuracy": 0.6184},
)
