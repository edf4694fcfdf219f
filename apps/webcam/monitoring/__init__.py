"""Counting while the demo runs, only where `--monitor` or `--metrics` asks for it."""
