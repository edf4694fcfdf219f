"""What tests share. With `CI` set, a missing browser, model or data file is a failure; elsewhere it
is a skip.
"""

from __future__ import annotations

import gc
import os
import resource
import signal
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

# Three workers fill two cores, and the threads of small batches wait for each other longer
# than they compute. Read when torch, numpy and OpenCV are loaded, also by what a test starts.
os.environ |= {"OMP_NUM_THREADS": "1", "OPENCV_FOR_THREADS_NUM": "1"}

import numpy as np
import pytest

from core.artifacts import bundle
from core.artifacts.card import KEY, Card, Head
from core.labels import AGE_BINS, FERPLUS8, GENDER2
from core.preprocess import InputSpec
from tests import schedule

if TYPE_CHECKING:
    from tests.watched import Watched

ROOT = Path(__file__).resolve().parent.parent
CPU_INFO = Path("/proc/cpuinfo")
SLOWNESS = 1 if not CPU_INFO.is_file() or "avx512f" in CPU_INFO.read_text() else 3
"""How many times the stated processor seconds a test may take: limits were set on processors with
AVX-512; numpy, OpenCV and torch take up to three times as long without it.
"""
SHARED = ROOT.parent / "shared"
MODEL = ROOT / "assets" / "models" / "mien"


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Leave what is imported here out of later searches for garbage.

    It stays until the end. A library may start such a search in the middle of its work, as
    statsmodels does at each correction of p-values, and each went over torch and the modules of all
    tests: 0.4 seconds.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


def pytest_unconfigure() -> None:
    """Let the interpreter clear away at its end what was left out; libraries look for leaks."""
    gc.unfreeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """See `tests.schedule`."""
    items.sort(key=schedule.rank)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> schedule.Scheduling:
    """See `tests.schedule`."""
    config.option.loadscopereorder = False
    return schedule.Scheduling(config, log)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """With `--durations=N`, list the N longest files beside the longest tests."""
    count = terminalreporter.config.option.durations
    if count:
        reports = (r for group in terminalreporter.stats.values() for r in group)
        terminalreporter.section(f"slowest {count} files")
        for file, seconds in schedule.seconds_by_file(reports).most_common(count):
            terminalreporter.write_line(f"{seconds:.1f}s {file}")


def need(path: Path) -> Path:
    """`path`, or a skip where it is missing (a failure in CI)."""
    if not path.exists():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{path} is missing")
    return path


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The real data beside a checkout: `ferplus/` and `utkface/`."""
    return need(SHARED / "data")


@pytest.fixture(scope="session")
def shipped_model() -> Path:
    """The shipped model's folder."""
    return need(MODEL)


@pytest.fixture(scope="session")
def portrait() -> np.ndarray:
    """A public-domain portrait, RGB uint8 (512, 512, 3): Eileen Collins, NASA."""
    from skimage.data import astronaut

    return astronaut()


@pytest.fixture(scope="module")
def playwright() -> Iterator[object]:
    """Drives browsers. While it runs, its thread can run neither a second one nor `asyncio.run`."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        yield started


def write_tiny_bundle(folder: Path, size: int = 48, seed: int = 0) -> Path:
    """A bundle of the flagship's shape with random weights (one linear layer per head); returns
    `folder`.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(seed)
    heads = (
        Head("emotion", "softmax", FERPLUS8.labels, "emotion"),
        Head("gender", "softmax", GENDER2.labels, "gender"),
        Head("age", "distribution", tuple(str(i) for i in range(AGE_BINS)), "age"),
    )
    nodes, weights = [helper.make_node("Flatten", ["image"], ["embedding"])], []
    for head in heads:
        w = rng.normal(0, 0.02, (size * size, head.width)).astype(np.float32)
        weights.append(numpy_helper.from_array(w, f"w_{head.task}"))
        nodes.append(helper.make_node("MatMul", ["embedding", f"w_{head.task}"], [head.output]))
    outputs = [
        helper.make_tensor_value_info(h.output, TensorProto.FLOAT, ["n", h.width]) for h in heads
    ]
    outputs.append(
        helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", size * size])
    )
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 1, size, size])],
        outputs,
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, {KEY: Card("tiny", "0", InputSpec(size=size), heads).to_json()})
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(model, folder / bundle.MODEL_FILE)
    return folder


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """See `write_tiny_bundle`."""
    return write_tiny_bundle(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    """See `tests.watched`."""
    from tests.watched import Watched

    return Watched(tmp_path / "watched")


def heed_interrupts() -> None:
    """As `preexec_fn` of a process that is to be sent SIGINT.

    Without it the process ignores the signal where the tests run in a shell's background.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def full_disk(limit: int) -> Iterator[None]:
    """Let no file of this process grow beyond `limit` bytes: writing fails as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
