"""The flagship: the mean of the weights of `mien_fine` and `mien_again`, which went on from it (model soups, arXiv 2203.05482). The one
epoch is for BatchNorm's statistics, which a mean of weights wants anew (SWA, arXiv 1803.05407): its learning rate hardly moves a weight.
Regenerates what assets/models/mien ships: `python -m train` trains all that it builds on, too."""

from dataclasses import replace

from train.recipes.mien_fine import RECIPE as FINE

RECIPE = replace(
    FINE,
    start="runs/mien_fine,runs/mien_again",
    optim=replace(FINE.optim, lr=1e-5),
    epochs=1,
    seed=8,
    findings=(
        "Eyes of twice the resolution (`mien_fine` against release 0.3.0, `mien_once`, both float32): emotion +0.42 points "
        "(-0.23 to +1.10), perceived gender +0.42 (-0.27 to +1.17), age -0.178 years (-0.266 to -0.093): ages gain. It was "
        "trained for 25 epochs longer, too; at 48 pixels, six more epochs had changed nothing.",
        "More weight on perceived gender, at a learning rate that is high again (`mien_again` against `mien_fine`): perceived "
        "gender +0.69 points (+0.16 to +1.27), emotion -0.45 (-0.98 to +0.08), age +0.033 years (-0.017 to +0.083): one gains "
        "what the other may lose, so the mean of both was taken.",
        "Augmentation and dropout, more against less (`mien_strong` against `mien_plain`, 6 epochs each from the same weights):"
        " emotion +0.06 points (-0.53 to +0.70), perceived gender +0.00 (-0.74 to +0.80), age +0.010 years (-0.063 to +0.089): "
        "no difference.",
        "Faces drawn at 0.9 of their size, with more around them (`mien_wide` against `mien_strong`): emotion -1.04 points "
        "(-1.91 to -0.28), perceived gender +0.53 (-0.21 to +1.43), age +0.083 years (-0.021 to +0.176): emotions lose, so this"
        " was not taken.",
        "Each was trained once: the spread over seeds is not known. Differences are paired, on the same validation pictures, "
        "with 95 % intervals; table and commands: train/RESULTS.md.",
    ),
)
