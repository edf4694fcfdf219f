"""Release 0.4: the mean of the weights of `mien_fine` and `mien_again`, which continued from it.

Model soups, arXiv 2203.05482. The one epoch is for BatchNorm's statistics, which a mean of weights
needs anew (SWA, arXiv 1803.05407): its learning rate hardly moves a weight.
assets/releases/mien_0_4 has the weights, which `mien` starts from; with `--prerequisites`, all that
this builds on is trained.
"""

from dataclasses import replace

from train.recipes.mien_fine import RECIPE as FINE
from train.recipes.mien_once import RECIPE as ONCE

RECIPE = replace(
    FINE,
    start="runs/mien_fine,runs/mien_again",
    optim=replace(FINE.optim, lr=1e-5),
    epochs=1,
    seed=8,
    findings=(
        "Twice the input resolution (`mien_fine` against release 0.3.0, `mien_once`, both "
        "float32): emotion +0.42 points "
        "(-0.23 to +1.10), perceived gender +0.42 (-0.27 to +1.17), age -0.178 years (-0.266 to "
        "-0.093): ages gain. It was "
        "trained for 25 epochs longer, too; at 48 pixels, six more epochs had changed nothing.",
        "More weight on perceived gender, at a learning rate that is high again (`mien_again` "
        "against `mien_fine`): perceived "
        "gender +0.69 points (+0.16 to +1.27), emotion -0.45 (-0.98 to +0.08), age +0.033 years "
        "(-0.017 to +0.083): one gains "
        "what the other may lose, so the mean of both was taken.",
        # on augmentation, on framing, and how to read them; not on longer training
        *(ONCE.findings[i] for i in (0, 1, 3)),
    ),
)
