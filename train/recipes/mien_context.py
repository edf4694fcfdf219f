"""Tried in release 0.4's place, see docs/training.md: more context around faces.

Faces of the same size with more around them, in 56 pixels, and one block less to pay for it.
"""

from dataclasses import replace

from train.recipes.mien_strong import RECIPE as STRONG

SIZE = 56

RECIPE = replace(
    STRONG,
    input=replace(STRONG.input, size=SIZE).wider(round(STRONG.input.size / SIZE, 4)),
    model=replace(STRONG.model, options={**STRONG.model.options, "without": [1], "dropout": 0.3}),
    optim=replace(STRONG.optim, lr=1.5e-3),
    epochs=12,
    seed=5,
)
