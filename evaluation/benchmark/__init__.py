"""Time and memory of models, of the metrics and of the apps."""
