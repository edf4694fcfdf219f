"""Data sets from Kaggle by kagglehub, an optional package."""

from __future__ import annotations

import importlib
import os
import shutil
from pathlib import Path

from core.errors import DataError, UserError

PACKAGE = "kagglehub==1.0.3"


def fetch(handle: str, target: Path) -> None:
    """Download a data set of Kaggle and put its files into the folder `target`.

    kagglehub continues interrupted downloads and keeps a copy in its own cache; files are linked
    from there where both are on one disk, else copied.

    Args:
        handle: OWNER/NAME.
        target: the data set's folder; files of the right size are left alone.

    Raises:
        UserError: kagglehub is not installed.
        DataError: it failed, for instance without a key.
    """
    try:
        kagglehub = importlib.import_module("kagglehub")
    except ImportError as error:
        raise UserError(
            f"Expected the package kagglehub, which {handle} is fetched with, got: {error}; try "
            f"pip install {PACKAGE}."
        ) from error
    try:
        cached = Path(kagglehub.dataset_download(handle))
    except Exception as error:  # of its own, requests' and Kaggle's client
        raise DataError(
            f"Expected kagglehub to download {handle}, got: {error}; a Kaggle key may be needed "
            "(kaggle.com, Settings, API), in ~/.kaggle/kaggle.json."
        ) from error
    shutil.copytree(cached, target, copy_function=_link_or_copy, dirs_exist_ok=True)


def _link_or_copy(source: str, target: str) -> None:
    if Path(target).is_file():
        if Path(target).stat().st_size == Path(source).stat().st_size:
            return
        Path(target).unlink()
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
