"""`mien_strong` with faces drawn at 0.9 of their size: hair and ears tell of gender. A FER+
picture, which holds none of them, repeats its border.
"""

from dataclasses import replace

from train.recipes.mien_strong import RECIPE as STRONG

RECIPE = replace(STRONG, input=STRONG.input.wider(0.9))
