"""Training: `python -m train [RECIPE] --data DIR`; recipes stand in `train.recipes`."""
