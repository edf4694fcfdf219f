"""Trained networks that others learn from, and what they predict for the training samples.

A recipe names a teacher by the path of a run of ours, or as `package:NAME`, where NAME is a file of
`packages`: networks that a Python package carries.
"""

from train.loop.teachers.targets import teacher_targets

__all__ = ["teacher_targets"]
