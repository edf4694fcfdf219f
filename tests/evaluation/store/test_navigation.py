"""From one sample of a store to others: the next and the one before in any order, and those that
look most alike.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from core.labels import FERPLUS8
from evaluation.store import Where, navigation
from evaluation.store.neighbours import Neighbours
from tests.apps.studio.conftest import predictions
from tests.evaluation.conftest import opened

A = Where(models=("a",))


def test_places_walk_through_every_sample_once(alone) -> None:
    _, store = alone
    where = A.but(task="emotion", true=FERPLUS8.labels[1], correct=False)
    for order in ("row", "-confidence", "confidence", "-error"):
        wanted = store.samples(where, order, 1000)["sample_id"].to_pylist()
        walked, at = [], navigation.place(store, where, "", order=order).after
        while at is not None:
            walked.append(at[0])
            here = navigation.place(store, where, *at, order)
            assert here.at == len(walked) and here.n == len(wanted)
            assert here.before == (None if len(walked) == 1 else (walked[-2], "made"))
            at = here.after
        assert walked == wanted, order
    first, second = store.samples(where, "-confidence", 2)["sample_id"].to_pylist()
    assert navigation.place(store, where, first, None, "-confidence").after == (second, "made")
    assert navigation.place(store, where, second, "made", "-confidence").before == (first, "made")
    assert navigation.place(store, where, "none").at == 0
    assert navigation.search(store, where, first[1:])[0] == (first, "made")
    assert navigation.search(store, where, "no such") == []


def test_nearest_by_embedding(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    e = rng.normal(size=(60, 5)).astype(np.float32)
    rows = predictions(60, "a").append_column(
        "embedding",
        pa.array([None if i == 3 else r.tolist() for i, r in enumerate(e)], pa.list_(pa.float32())),
    )
    store = opened(
        pa.concat_tables(
            [rows, rows.set_column(rows.column_names.index("model"), "model", pa.array(["b"] * 60))]
        ),
        tmp_path,
    )
    at, cosine = Neighbours(np.where(np.arange(60)[:, None] == 3, np.nan, e).astype(np.float32)).to(
        7, 4
    )
    neighbours = navigation.nearest(store, "b", "s00007", "made", 4)
    assert neighbours["sample_id"].to_pylist() == [f"s{i:05d}" for i in at] and set(
        neighbours["model"].to_pylist()
    ) == {"b"}
    assert np.allclose(neighbours["cosine"].to_numpy(), cosine, atol=1e-6)
    assert (
        len(navigation.nearest(store, "a", "s00003")) == 0
        and len(navigation.nearest(store, "a", "none")) == 0
    )
