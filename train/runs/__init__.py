"""A run folder while it is trained and afterwards: checkpoints, summary, curves, status."""
