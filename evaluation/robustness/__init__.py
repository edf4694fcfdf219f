"""How a model's figures fall as its images are corrupted."""
