"""Training: `python -m train [RECIPE] --data DIR`; recipes stand in `train.recipes`."""

import core  # noqa: F401  turns the libraries' usage statistics off before they are imported
