"""Any number of models on the same samples: figures, differences from a baseline, who differs."""
