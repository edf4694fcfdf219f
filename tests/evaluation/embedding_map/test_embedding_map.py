"""Rows of a store on a map: where they lie, which are in a region, what colour they have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.benchmark.generated_tables import generate
from evaluation.embedding_map import colours
from evaluation.embedding_map.embedding_map import (
    EmbeddingMap,
    Embeddings,
    Points,
    models_with_embeddings,
)
from evaluation.embedding_map.region import Region
from evaluation.predictions import table
from evaluation.store import Store, Where

ROWS = 300


@pytest.fixture(scope="module")
def tables() -> list[pa.Table]:
    """Two models; the first has embeddings of two numbers, but for every tenth row."""
    rng = np.random.default_rng(3)
    first, second = (generate(ROWS, model=model) for model in ("a", "b"))
    embeddings = [None if i % 10 == 0 else v for i, v in enumerate(rng.random((ROWS, 2)).tolist())]
    return [first.append_column("embedding", pa.array(embeddings, pa.list_(pa.float32()))), second]


@pytest.fixture(scope="module")
def store(tables: list[pa.Table], tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("maps")
    for i, rows in enumerate(tables):
        table.write(rows, folder / f"{i}.parquet")
    return Store.open([folder / "0.parquet", folder / "1.parquet"])


@pytest.fixture(scope="module")
def embedding_map(store: Store) -> EmbeddingMap:
    """The embeddings themselves as positions."""
    embeddings = Embeddings.of(store, "a")
    assert embeddings is not None
    return EmbeddingMap(embeddings.keys, embeddings.vectors)


def ids(store: Store, where: Where) -> list[str]:
    return store.samples(where, limit=ROWS)["sample_id"].to_pylist()


@pytest.mark.parametrize("model", ["a", "b"])
@settings(deadline=None, max_examples=40)
@given(box=st.tuples(*[st.integers(0, 10_000)] * 4), emotion=st.sampled_from(["", "neutral"]))
def test_a_region_has_the_samples_that_numpy_finds(
    store: Store,
    tables: list[pa.Table],
    embedding_map: EmbeddingMap,
    model: str,
    box: tuple[int, int, int, int],
    emotion: str,
) -> None:
    region = Region.parse("{},{} {},{}".format(*box))
    if region is None:
        return
    where = Where(models=(model,), true=(emotion,) if emotion else ())
    inside = Points.of(store, where, embedding_map).inside(region)
    rows = tables[0]
    has = rows["embedding"].is_valid().to_numpy()
    positions = np.array([v or (np.nan, np.nan) for v in rows["embedding"].to_pylist()], np.float32)
    low, high = np.minimum(box[:2], box[2:]), np.maximum(box[:2], box[2:])
    wanted = has & ((positions * 10_000 >= low) & (positions * 10_000 <= high)).all(axis=1)
    if emotion:
        wanted &= np.array(rows["emotion_true"].to_pylist()) == emotion
    assert ids(store, where.but(rows=inside)) == rows["sample_id"].filter(wanted).to_pylist()


def test_a_click_finds_its_row(store: Store, embedding_map: EmbeddingMap) -> None:
    points = Points.of(store, Where(models=("b",)), embedding_map)
    assert points.on_map.sum() == ROWS * 0.9
    for at in np.flatnonzero(points.on_map)[:20]:
        row = int(points.rows[at])
        x, y = points.position(row)
        assert points.nearest(x + 1e-5, y) == row
    assert points.position(int(points.rows[0])) is None, "it has no embedding"
    nothing = Points.of(store, Where(text="nobody"), embedding_map)
    assert nothing.nearest(0.5, 0.5) is None and nothing.position(3) is None


def test_only_rows_of_that_number(store: Store) -> None:
    assert ids(store, Where(rows=(2, 5))) == ["s000000002", "s000000005"]
    assert store.count(Where(rows=())) == 0


def test_which_models_have_embeddings(store: Store) -> None:
    assert models_with_embeddings(store) == ("a",)
    assert Embeddings.of(store, "b") is None


def test_equal_embeddings_have_one_digest(store: Store) -> None:
    first, again = Embeddings.of(store, "a"), Embeddings.of(store, "a")
    assert first.digest() == again.digest()
    assert Embeddings(first.keys, first.vectors + 1).digest() != first.digest()


@pytest.mark.parametrize("task", ["emotion", "gender", "age"])
def test_colours_are_what_the_table_says(store: Store, tables: list[pa.Table], task: str) -> None:
    where = Where(task=task, models=("b",))
    offered = colours.choices(store, task, store.models)
    named = {
        by: [colouring.names[code] for code in colouring.codes]
        for by in offered
        if (colouring := colours.colouring(store, where, by, store.models))
    }
    assert all(len(names) == ROWS for names in named.values())
    assert all(len(set(names)) <= 10 for names in named.values())
    rows = tables[1]
    assert named["g.light"] == rows["group_light"].to_pylist()
    if task == "age":
        for by, column in (("label", "age_true"), ("pred", "age_pred")):
            values = rows[column].to_numpy()
            low, high = np.percentile(values, (1, 99))
            for name, value in zip(named[by], values, strict=True):
                start, end = (float(v) for v in name.split(" to "))
                assert start <= value < end or not low < value < high
        return
    true, pred = (
        store.samples(where, limit=ROWS)[f"{task}_{c}"].to_pylist() for c in ("true", "pred")
    )
    assert named["label"] == true and named["pred"] == pred
    right = np.array(true) == np.array(pred)
    assert named["right"] == np.where(right, "right", "wrong").tolist()
    other = store.samples(where.but(models=("a",)), limit=ROWS)
    both = right.astype(int) + (np.array(other[f"{task}_pred"].to_pylist()) == np.array(true))
    assert named["models"] == [f"{n} of 2 models" for n in both]


def test_many_classes_keep_the_frequent_ones(tmp_path: Path) -> None:
    names = [f"c{i:02d}" for i in range(30) for _ in range(30 - i)]
    rows = pa.table(
        {
            "sample_id": [f"s{i}" for i in range(len(names))],
            "model": ["m"] * len(names),
            "kind_true": names,
            "kind_pred": names,
        }
    )
    path = tmp_path / "t.parquet"
    table.write(rows, path)
    store = Store.open([path])
    colouring = colours.colouring(store, Where(task="kind"), "label", ("m",))
    assert colouring.names == (*(f"c{i:02d}" for i in range(7)), "other")
    shown = [colouring.names[code] for code in colouring.codes]
    assert shown == [name if name < "c07" else "other" for name in names]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(np.nan)), min_size=1, max_size=60))
def test_bands_hold_their_numbers(values: list[float]) -> None:
    bands = colours.bands(np.array(values))
    finite = np.array(values)[np.isfinite(values)]
    assert len(bands.names) <= colours.MAX_BANDS + 2 and bands.codes.max() < len(bands.names)
    for value, code in zip(values, bands.codes, strict=True):
        assert (bands.names[code] == "unknown") == (not np.isfinite(value))
    if len(finite):
        order = np.argsort(finite)
        assert (np.diff(bands.codes[np.isfinite(values)][order].astype(int)) >= 0).all()
