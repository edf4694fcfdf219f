"""Identity of faces between frames and smoothing of their predictions; no images, no clock."""
