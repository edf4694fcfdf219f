"""Rows of small pictures with a heading each."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import streamlit as st

from apps.studio import data_sets
from apps.studio.serving.images import Faces
from evaluation.composition.listing import Listing

PIXELS = 80


@dataclass(frozen=True, slots=True)
class PictureRow:
    """A heading, untrusted text, and the places of the samples below it."""

    heading: str
    places: Sequence[int]


def show(faces: Faces, listing: Listing, rows: Iterable[PictureRow]) -> int:
    """Draw rows of pictures; a name stands where there is none.

    Args:
        faces: the folder of pictures.
        listing: a version of the data set.
        rows: what to draw.

    Returns:
        The number of samples without a picture.
    """
    parts: list[str] = []
    n_missing = 0
    for row in rows:
        cells = []
        for place in row.places:
            path = data_sets.picture(faces, listing, int(place))
            n_missing += path is None
            cells.append(_cell(listing, int(place), None if path is None else faces.url(path)))
        parts.append(
            f"<div style='margin:.5rem 0 .2rem'><strong>{html.escape(row.heading)}</strong></div>"
            f"<div style='display:flex;flex-wrap:wrap;gap:6px'>{''.join(cells)}</div>"
        )
    st.html("".join(parts))
    return n_missing


def _cell(listing: Listing, place: int, url: str | None) -> str:
    name = html.escape(str(listing.ids[place]))
    split = html.escape(listing.splits.labels[listing.splits.codes[place]])
    size = f"width:{PIXELS}px;height:{PIXELS}px"
    if url is None:
        box = f"{size};border:1px solid rgba(128,128,128,.5);overflow:hidden;font-size:10px"
        return f"<div style='{box}' title='{name} ({split})'>no picture</div>"
    return (
        f"<img src='{html.escape(url)}' alt='{name}' title='{name} ({split})' loading='lazy' "
        f"style='{size};object-fit:cover;border-radius:4px'>"
    )
