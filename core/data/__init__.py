"""Data sets, one per file; the file's name is the data set's name.

Each exposes `SPLITS`, `ORIGIN` and `load(root, split) -> Samples`. A module states what is in the
data for each picture (`base.rows.Row`) and why it leaves a file out (`Problem`); `base.rows.build`
checks every file and makes the `Samples`. `GENERATED = True` marks a set that needs no folder.
"""

from core.data.base.samples import Problem, Samples, locate

__all__ = ["Problem", "Samples", "locate"]
