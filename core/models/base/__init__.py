"""What the architectures share."""
