"""MATLAB files, as the publishers of IMDB-WIKI give them."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def write_mat(path: Path, part: str, entries: list[dict]) -> None:
    from scipy.io import savemat

    path.parent.mkdir(parents=True, exist_ok=True)
    texts = {"full_path", "name"}
    columns = {
        k: np.array([e[k] for e in entries], object if k in texts else float) for k in entries[0]
    }
    savemat(path, {part: columns})
