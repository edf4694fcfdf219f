"""The versions of a data set and the audit that are open, read once for all visitors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from apps.studio.context import stamp
from apps.studio.serving.images import Faces
from apps.studio.settings import Settings
from evaluation.composition.listing import Listing
from evaluation.composition.opening import is_adapter, open_listing
from evaluation.quality.repair.review import FindingsFile, read_findings


@st.cache_resource(max_entries=8, show_spinner="Opening the data set ...")
def _opened(text: str, file_stamp: tuple[int, int]) -> Listing:
    """Return a version of a data set, opened once until its stamp changes; nobody changes it."""
    return open_listing(text)


def opened(settings: Settings) -> tuple[Listing, ...]:
    """Return the versions in the order of the command line.

    Raises:
        UserError: one cannot be opened.
    """
    return tuple(_opened(text, stamp(Path(text))) for text in settings.datasets)


def names(versions: Sequence[Listing]) -> list[str]:
    """Return what each version is called: its name, with its number where two have the same."""
    plain = [version.name for version in versions]
    return [name if plain.count(name) == 1 else f"{name} ({i})" for i, name in enumerate(plain, 1)]


def own_folder(texts: Sequence[str]) -> Path | None:
    """Return the folder of pictures of the first data set that an adapter reads; None without one.

    Args:
        texts: as the command line names data sets.
    """
    for text in texts:
        if is_adapter(text):
            return _opened(text, stamp(Path(text))).folders[0]
    return None


def findings(path: Path) -> FindingsFile:
    """Return what an audit found, a file of `evaluation audit --findings`.

    Raises:
        UserError: it cannot be read.
    """
    return _findings(path, stamp(path))


@st.cache_resource(max_entries=2, show_spinner="Reading the findings ...")
def _findings(path: Path, file_stamp: tuple[int, int]) -> FindingsFile:
    """Return the findings of a file, read once until its stamp changes; nobody changes them."""
    return read_findings(path)


def picture(faces: Faces, listing: Listing, at: int) -> str | None:
    """Return the path of a sample's picture below the folder of pictures; None where it has none.

    Args:
        faces: the folder of pictures.
        listing: a version of the data set.
        at: the sample's place in it.
    """
    path = str(listing.paths[at])
    if not path:
        return None
    candidates = [path]
    for folder in listing.folders:
        full = (folder / path).absolute()
        if full.is_relative_to(faces.root):
            candidates.insert(0, full.relative_to(faces.root).as_posix())
    return next((name for name in candidates if faces.find(name) is not None), None)
