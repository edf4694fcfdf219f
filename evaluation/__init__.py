"""Evaluation: predictions, figures with intervals, data quality: `python -m evaluation`."""

import core  # noqa: F401  turns the libraries' usage statistics off before they are imported
