"""Combine several bundles into one model: weights per task, their measured gain, the card."""
