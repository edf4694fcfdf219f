"""What the recipes of the FER capstone notebook (unpublished) share.

Four classes of FER+, raw 48x48 grey images in 0..1, hard labels, class weights, Adam without decay
or clipping, no weight averaging, Keras' plateau. `--set input.align=true` aligns the faces first.
The notebook's own data are a course's cut of FER2013 with FER+ labels, later with 3,039 AffectNet
images; its splits are not published, ours at its size is assets/splits/ferplus_four.parquet.
"""

from dataclasses import replace

from core.preprocess import InputSpec
from train.recipe.recipe import EMOTION4, Recipe
from train.recipe.settings import NO_AUGMENT, Loss, Model, Optim, Schedule

SOFT = replace(NO_AUGMENT, flip=0.5, rotate=18, zoom=0.05, contrast=0.05)
L2 = 1e-4


def blocks(*dropout: float) -> list[tuple[int, float]]:
    """Return the notebook's blocks of 64, 128 and 256 channels, with the dropout after each."""
    return list(zip((64, 128, 256), dropout, strict=True))


BASE = Recipe(
    heads=(EMOTION4,),
    data=("ferplus",),
    model=Model("fer_cnn"),
    losses={"emotion": Loss("cross_entropy", balanced=True)},
    input=InputSpec(size=48, channels=1, mean=(0.0,), std=(1.0,), align=False),
    augment=NO_AUGMENT,
    optim=Optim("adam", lr=5e-4, weight_decay=0.0, clip=0.0, options={"eps": 1e-7}),  # Keras' eps
    # down to 1e-6
    schedule=Schedule(kind="plateau", factor=0.5, patience=5, floor=2e-3, counting="keras"),
    soft_labels=False,
    epochs=75,
    batch=64,
    amp="no",
    ema=0.0,
    seed=42,
)
