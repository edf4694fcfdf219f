"""The flagship: from the mean of the weights of `mien_fine` and `mien_again`, which went on from it (model soups, arXiv 2203.05482), on
at a low learning rate. Regenerates what assets/models/mien ships: `python -m train` trains all that it builds on, too."""

from dataclasses import replace

from train.recipes.mien_fine import RECIPE as FINE

RECIPE = replace(FINE, start="runs/mien_fine,runs/mien_again", optim=replace(FINE.optim, lr=2e-4), epochs=2, seed=8)
