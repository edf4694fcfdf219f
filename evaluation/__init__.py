"""Evaluation: predictions, figures with intervals, data quality: `python -m evaluation`."""
