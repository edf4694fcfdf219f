"""Make networks smaller and faster to serve: BatchNorm folding, INT8, quantisation-aware training."""
