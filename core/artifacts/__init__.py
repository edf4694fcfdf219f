"""Model files: bundles with their cards, ensembles, downloads."""
