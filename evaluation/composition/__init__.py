"""What a data set is made of: its splits, classes, numbers and copies, and how versions differ.

`opening.py` reads a data set from a manifest, any table of labels or the project's own adapters,
without its pictures. Everything else counts.
"""
