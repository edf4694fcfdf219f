"""Make networks smaller and faster: BatchNorm folding, INT8, quantisation-aware training."""
