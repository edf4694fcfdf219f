"""Repair of a data set into a new folder: plans, new splits, more images for thin classes."""
