"""Data sets, one per file. Each module exposes `SPLITS` and `load(root, split) -> Samples`; the file's name is the data set's name."""

from core.data._samples import Problem, Samples, fingerprint, locate

__all__ = ["Problem", "Samples", "fingerprint", "locate"]
