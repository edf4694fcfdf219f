"""Generated tables for the cases that every page must bear, and a way to draw a page without a
browser.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

from apps.studio import settings
from apps.studio.serving.images import Faces
from core.labels import FERPLUS8, GENDER2
from evaluation.benchmark.app_processes import running
from evaluation.predictions import table
from evaluation.predictions.schema import P_EMOTION, P_GENDER
from tests import browsers

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

HEADS = ("emotion", "gender", "age")


def predictions(
    n: int = 160, model: str = "m", heads: tuple[str, ...] = HEADS, seed: int = 0, path: bool = True
) -> pa.Table:
    """A table of `n` samples that a model of the given heads answered, better than chance; truths
    depend on the sample alone.
    """
    truth, rng = np.random.default_rng(1), np.random.default_rng([seed, *model.encode()])
    columns: dict[str, object] = {
        "sample_id": [f"s{i:05d}" for i in range(n)],
        "dataset": ["made"] * n,
        "split": np.array(["val", "test"])[np.arange(n) % 2],
        "model": [model] * n,
        **({"path": [f"faces/{i % 7}.png" for i in range(n)]} if path else {}),
    }
    k = len(FERPLUS8)
    emotion, gender, age = truth.integers(0, k, n), truth.integers(0, 2, n), truth.uniform(1, 90, n)
    if "emotion" in heads:
        p = (
            rng.dirichlet(np.full(k, 0.3), n) * 0.5
            + 0.5 * np.eye(k)[np.where(rng.random(n) < 0.7, emotion, rng.integers(0, k, n))]
        )
        names = np.array(FERPLUS8.labels)
        columns |= {"emotion_true": names[emotion], "emotion_pred": names[p.argmax(axis=1)]}
        columns |= {P_EMOTION + name: p[:, i].astype(np.float32) for i, name in enumerate(names)}
        columns["emotion_votes"] = [
            row.tolist() for row in (0.8 * np.eye(k)[emotion] + 0.2 / k).astype(np.float32)
        ]
    if "gender" in heads:
        female = np.clip((gender == 0) * 0.6 + rng.uniform(0, 0.5, n), 0, 1)
        columns |= {
            "gender_true": np.array(GENDER2.labels)[gender],
            P_GENDER: female.astype(np.float32),
        }
    if "age" in heads:
        age_pred = np.abs(age + rng.normal(0, 6, n))
        columns |= {"age_true": age.astype(np.float32), "age_pred": age_pred.astype(np.float32)}
        columns |= {
            "age_low": (age_pred - 8).astype(np.float32),
            "age_high": (age_pred + 8).astype(np.float32),
        }
    columns |= {
        "group_race": np.array(["A", "B", "C"])[truth.integers(0, 3, n)],
        "face_found": np.arange(n) % 10 != 0,
    }
    return pa.table(columns)


@dataclass(frozen=True)
class Case:
    """Tables, the URL's parameters, whether pictures are known."""

    tables: tuple[pa.Table, ...]
    params: dict[str, list[str]] = field(default_factory=dict)
    pictures: bool = False


CASES: dict[str, Callable[[], Case]] = {
    "emotion only": lambda: Case((predictions(heads=("emotion",)),)),
    "age only": lambda: Case((predictions(heads=("age",)),)),
    "all heads": lambda: Case((predictions(),), pictures=True),
    "one model, labels only": lambda: Case(
        (predictions(heads=("emotion",)).select(["sample_id", "emotion_true", "emotion_pred"]),)
    ),
    "three models": lambda: Case(
        tuple(predictions(model=m) for m in ("a", "b", "c & <b>d</b>")), pictures=True
    ),
    "no images": lambda: Case((predictions(path=False),), {"task": ["gender"]}),
    "zero rows": lambda: Case(
        (predictions(),), {"text": ["no such sample"], "task": ["age"]}, pictures=True
    ),
}


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose `faces/0.png` to `faces/6.png` the tables of `predictions` name."""
    import cv2

    root = tmp_path_factory.mktemp("pictures")
    (root / "faces").mkdir()
    for i in range(7):
        cv2.imwrite(str(root / "faces" / f"{i}.png"), np.full((48, 48, 3), 30 * i, np.uint8))
    return root


@pytest.fixture(scope="session")
def written(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], tuple[Case, tuple[Path, ...]]]:
    """Case name -> the case and its tables as files, written once."""
    written_cases: dict[str, tuple[Case, tuple[Path, ...]]] = {}

    def write(name: str) -> tuple[Case, tuple[Path, ...]]:
        if name not in written_cases:
            case, folder = CASES[name](), tmp_path_factory.mktemp("tables")
            files = []
            for i, part in enumerate(case.tables):
                table.write(
                    part,
                    folder / f"t{i}.parquet",
                    table.Meta(model="m", dataset="made", split="val", detector="YuNet"),
                )
                files.append(folder / f"t{i}.parquet")
            written_cases[name] = (case, tuple(files))
        return written_cases[name]

    return write


@contextmanager
def studio(log: Path, *arguments: str) -> Iterator[str]:
    """The address of `python -m apps.studio`, which must end without a traceback or a warning."""
    keep = {k: v for k, v in os.environ.items() if not k.startswith("STREAMLIT_")}
    with log.open("w+") as log_file:
        with running("apps.studio", *arguments, page="/_stcore/health", env=keep, log=log_file) as (
            url,
            _,
        ):
            yield url
        log_file.seek(0)
        text = log_file.read()
    assert "Traceback" not in text and "No runtime found" not in text, text


@pytest.fixture(scope="module")
def browser(playwright) -> Iterator[Browser]:
    """Chromium."""
    chromium = browsers.launch(playwright)
    yield chromium
    chromium.close()


def until(page: Page, check: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Wait for something that takes several messages between page and server."""
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, what
        page.wait_for_timeout(100)


@pytest.fixture(scope="session", autouse=True)
def components_searched_once() -> Iterator[None]:
    """Let Streamlit search the installed packages for components once; each `AppTest` does anew."""
    from streamlit.components.v2 import manifest_scanner

    with pytest.MonkeyPatch.context() as patch:
        search = cache(manifest_scanner.scan_component_manifests)
        patch.setattr(manifest_scanner, "scan_component_manifests", search)
        yield


@pytest.fixture
def draw(written, pictures: Path) -> Iterator[Callable]:
    """draw(page, case, **url) -> the `AppTest` of a page after its first run. Lists in `url` are
    parameters given several times.
    """
    from streamlit.testing.v1 import AppTest

    def run(page: str, case: str = "all heads", **url: str | list[str]) -> AppTest:
        what, files = written(case)
        settings.PROCESS.use(
            settings.Settings(files, {}, Faces(pictures) if what.pictures else None)
        )
        code = (
            "from apps.studio import frame\nfrom core import "
            f"registry\nframe.run(registry.load('apps.studio.pages', {page!r}), {{}})"
        )
        app = AppTest.from_string(code, default_timeout=60)
        app.query_params = {**what.params, **url}
        return app.run()

    yield run
    settings.PROCESS.use(settings.Settings())
