"""Random walks of a visitor in Chromium: what is shown is what was selected, on every page.

A walk goes by page links, *back*, *forward*, reloads, links opened by a second visitor, and changes
of table, task, models and filters. After each step the title, the header's numbers, the controls
and the URL must agree with the walk's own record, which asks the data layer for the rows.

    python -m tests.apps.studio.test_selections SEED...    # longer walks, each of a seed
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from playwright.sync_api import sync_playwright

from evaluation.predictions import table
from evaluation.store import Store
from tests.apps.studio.conftest import predictions, studio
from tests.apps.studio.walk import UPLOADED, Walk
from tests.browsers import launch

pytestmark = pytest.mark.browser

STEPS = 30


SEED = 742_861
"""Of the walk in the suite, which has to be the same each time; the command takes others."""


@contextmanager
def walks(folder: Path) -> Iterator:
    """walk(seed): a new walk on a server with two models' tables and a table to upload."""
    for model in ("a", "b"):
        table.write(predictions(120, model), folder / f"{model}.parquet")
    table.write(predictions(75, "own", heads=("emotion", "gender"), seed=3), folder / UPLOADED)
    files = [folder / "a.parquet", folder / "b.parquet"]
    stores = {"": Store.open(files), UPLOADED: Store.open([folder / UPLOADED])}
    with studio(folder / "log", *map(str, files)) as url, sync_playwright() as play:
        chromium = launch(play)
        yield lambda seed: Walk(chromium, url, folder, stores, seed)
        chromium.close()


def test_what_is_selected_is_shown(tmp_path: Path) -> None:
    with walks(tmp_path) as start:
        walk = start(SEED)
        for _ in range(STEPS):
            walk.step()


if __name__ == "__main__":
    with TemporaryDirectory() as folder, walks(Path(folder)) as start:
        for seed in map(int, sys.argv[1:]):
            began = time.monotonic()
            walk = start(seed)
            for _ in range(STEPS):
                walk.step()
            walk.page.context.close()
            print(f"seed {seed}: {len(walk.steps)} steps, {time.monotonic() - began:.0f} s")
