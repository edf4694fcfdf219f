"""Data sets, one per file; the file's name is the data set's name. Each exposes `SPLITS`, `ORIGIN`
and `load(root, split) -> Samples`.

A module says what it knows of each picture (`_rows.Row`) and why it leaves a file out (`Problem`);
`_rows.build` looks into every file and makes the `Samples`. `GENERATED = True` marks a set that
needs no folder.
"""

from core.data.base.samples import Problem, Samples, fingerprint, locate

__all__ = ["Problem", "Samples", "fingerprint", "locate"]
