"""`mien_strong` with faces at 0.9 of their size: hair and ears carry information on gender.

A FER+ image, which holds none of them, repeats its border.
"""

from dataclasses import replace

from train.recipes.mien_strong import RECIPE as STRONG

RECIPE = replace(STRONG, input=STRONG.input.wider(0.9))
