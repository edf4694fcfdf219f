"""Training: `python -m train [RECIPE] --data DIR`. Recipes are values in `train.recipes`, one file
each.
"""
