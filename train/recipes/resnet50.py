"""The teacher that the Smart Retail report proposes: ResNet50 (He et al., arXiv 1512.03385).

With MobileOne-S2's heads and training.
"""

from dataclasses import replace

from train.recipe.settings import Model
from train.recipes.mobileone_s2 import RECIPE as STUDENT

RECIPE = replace(
    STUDENT,
    model=Model("timm_backbone", {"name": "resnet50", "dropout": 0.3}),
    source="the Smart Retail report (unpublished), next steps",
    expected={},
)
