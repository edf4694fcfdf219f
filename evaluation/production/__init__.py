"""What a running demo counted (`core.monitoring`), against what the model did in validation."""
