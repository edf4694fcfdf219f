"""Training runs, read from the run folders that `python -m train` writes."""
