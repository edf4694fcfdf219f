"""Mien's network, second of two stages: from its teacher's weights, and taught by it.

The learning rate starts high again. The teacher is right about as often on its training pictures,
as augmented, as on validation: so this stage has less augmentation and dropout, perhaps too little.
`--prerequisites` trains both stages. It is not shipped: docs/training.md has its figures beside
release 0.5's.
"""

from dataclasses import replace

from train.recipe.settings import Distill
from train.recipes.mien_teacher import RECIPE as TEACHER

TEACHER_RUN = "runs/mien_teacher"

RECIPE = replace(
    TEACHER,
    start=TEACHER_RUN,
    distill=Distill((TEACHER_RUN,), share=0.5, missing=0.5),
    model=replace(TEACHER.model, options={**TEACHER.model.options, "dropout": 0.2}),
    augment=replace(TEACHER.augment, rotate=8.0, shift=0.05, zoom=0.1, light=0.2, erase=0.1),
    optim=replace(TEACHER.optim, lr=1.5e-3),
    schedule=replace(TEACHER.schedule, warmup=0.05),
    epochs=22,
    seed=1,
)
