"""What is attacked, one target per file; `scripts.fuzz` says what a target is."""
