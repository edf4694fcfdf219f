"""Every page bears tables of any tasks; pages that say nothing about a table are not offered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from streamlit.testing.v1 import AppTest

from apps.studio import app, frame, settings
from apps.studio.context import View
from apps.studio.pages import start
from evaluation.predictions import table
from evaluation.store import Store, Where

ROWS = 120
RNG = np.random.default_rng(0)


def classes(task: str, labels: Sequence[str], *, probabilities: bool = True) -> dict:
    """Columns of a classification that is better than chance."""
    k, truth = len(labels), RNG.integers(0, len(labels), ROWS)
    guess = np.where(RNG.random(ROWS) < 0.7, truth, RNG.integers(0, k, ROWS))
    p = 0.5 * RNG.dirichlet(np.ones(k), ROWS) + 0.5 * np.eye(k)[guess]
    names = np.array(labels)
    columns = {f"{task}_true": names[truth], f"{task}_pred": names[p.argmax(axis=1)]}
    shares = {f"{task}_p_{label}": p[:, i] for i, label in enumerate(labels)}
    return columns | (shares if probabilities else {})


def numbers(task: str) -> dict:
    """Columns of a regression."""
    truth = RNG.uniform(20, 60, ROWS)
    return {f"{task}_true": truth, f"{task}_pred": truth + RNG.normal(0, 2, ROWS)}


GROUP = {"group_light": np.array(["dim", "bright"])[np.arange(ROWS) % 2]}
TABLES: dict[str, Callable[[], dict]] = {
    "three classes": lambda: classes("fruit", ["apple", 'a "pear"', "<b>plum</b>"]),
    "labels only": lambda: classes("fruit", ["apple", "pear", "plum"], probabilities=False),
    "twelve classes": lambda: classes("month", [f"m {i}" for i in range(12)]) | GROUP,
    "booleans": lambda: {"mask_true": RNG.random(ROWS) < 0.5, "mask_pred": RNG.random(ROWS) < 0.5},
    "a regression": lambda: numbers("yaw") | GROUP,
    "of all kinds": lambda: (
        classes("fruit", ["apple", "pear"]) | numbers("yaw") | numbers("age") | GROUP
    ),
}
ALWAYS = {"start", "browse", "production", "dataset", "overview", "sample", "own"}
OF_CLASSES = {"confusion", "per_class"}
PAGES = {
    "three classes": ALWAYS | OF_CLASSES | {"confidence"},
    "labels only": ALWAYS | OF_CLASSES,
    "twelve classes": ALWAYS | OF_CLASSES | {"confidence", "slices"},
    "booleans": ALWAYS | OF_CLASSES,
    "a regression": ALWAYS | {"slices"},
    "of all kinds": ALWAYS | OF_CLASSES | {"confidence", "slices", "age_gender"},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tables")


def written(folder: Path, name: str) -> Path:
    path = folder / f"{name}.parquet"
    if not path.exists():
        ids = {"sample_id": [f"s{i}" for i in range(ROWS)]}
        table.write(pa.table({**ids, **TABLES[name]()}), path)
    return path


@pytest.fixture
def opened() -> Iterator[None]:
    yield
    settings.PROCESS.use(settings.Settings())


@pytest.mark.parametrize("name", TABLES)
def test_pages_bear_any_tasks(folder: Path, opened: None, name: str) -> None:
    path = written(folder, name)
    settings.PROCESS.use(settings.Settings((path,)))
    store = Store.open([path])
    for page in app.pages():
        for task in store.tasks:
            drawn = AppTest.from_string(
                "from apps.studio import frame\nfrom core import registry\n"
                f"frame.run(registry.load('apps.studio.pages', {page!r}), {{}})",
                default_timeout=60,
            )
            drawn.query_params = {"task": task}
            drawn.run()
            assert not drawn.exception and not drawn.error, (page, task)


@pytest.mark.parametrize("name", TABLES)
def test_only_pages_that_say_something_are_offered(folder: Path, name: str) -> None:
    store = Store.open([written(folder, name)])
    for task in store.tasks:
        view = View(store, Where(task=task), task, store.models, settings.Settings())
        offered = {n for n, page in app.pages().items() if frame.applies(page, view)}
        assert offered == PAGES[name]
        telling = [one.page for one in start.telling_views(None, view)]
        assert telling == [one.page for one in start.OF_ANY_TABLE if one.page in offered]
