"""`mien` without APPA-REAL: its predictions for it say what the network does on other pictures."""

from train.recipes._mien import without

RECIPE = without("appa_real")
