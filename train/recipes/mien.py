"""The flagship: on from `mien_second`, learning from the labels and from both its forerunners, also where a picture has no label for a head
(born-again networks, arXiv 1805.04770). Regenerates what assets/models/mien ships: `python -m train` trains all three."""

from dataclasses import replace

from train.recipes.mien_second import RECIPE as SECOND
from train.settings import Distill

RECIPE = replace(
    SECOND,
    start="runs/mien_second",
    distill=Distill(("runs/mien_first", "runs/mien_second"), share=0.5, missing=0.5),
    epochs=16,
    seed=2,
)
