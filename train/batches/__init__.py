"""From data sets to the batches that a training step takes."""
