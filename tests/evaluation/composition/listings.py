"""Random data sets for the tests of this folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import settings
from hypothesis import strategies as st

from evaluation.composition.listing import Listing, coded, coded_splits

QUICK = settings(max_examples=30, deadline=None)
"""pandas and the store take milliseconds an example."""
IDS = [f"s{i}" for i in range(30)]
SPLITS = st.sampled_from(["train", "val", "test", "extra", ""])
CLASSES = st.sampled_from(["a", "b10", "b9", "é <b>", ""])
NUMBERS = st.one_of(st.floats(-1e3, 1e3), st.just(float("nan")))


def listing(frame: pd.DataFrame, name: str = "made", **more: Any) -> Listing:
    """A frame with the columns id, split, mask and yaw as a listing."""
    return Listing(
        name,
        coded_splits(frame["split"]),
        {"mask": coded(frame["mask"])},
        {"yaw": frame["yaw"].to_numpy(np.float64)},
        frame["id"].to_numpy(object),
        frame["id"].to_numpy(object),
        **more,
    )


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    """A frame for `listing`, of one to thirty samples."""
    ids = draw(st.lists(st.sampled_from(IDS), min_size=1, unique=True))
    columns: Mapping[str, st.SearchStrategy[Any]] = {
        "split": SPLITS,
        "mask": CLASSES,
        "yaw": NUMBERS,
    }
    n = len(ids)
    drawn = {c: draw(st.lists(v, min_size=n, max_size=n)) for c, v in columns.items()}
    return pd.DataFrame({"id": ids, **drawn})
