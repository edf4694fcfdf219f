"""Training of the face check: crops that miss a face, the threshold, and the written file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.detection.face_check import INPUT, FaceCheck
from core.types import overlap
from train.face_check import crops, fit

BOX = (40.0, 30.0, 60.0, 80.0)


@given(st.integers(0, 10_000))
def test_what_misses_a_face_holds_a_part_of_it_at_the_most(seed: int) -> None:
    assert overlap(BOX, crops.near_miss(BOX, np.random.default_rng(seed))) < 0.4


@given(
    st.dictionaries(
        st.text(min_size=1), st.lists(st.floats(0, 1), min_size=1, max_size=300), min_size=1
    )
)
def test_the_threshold_loses_at_most_one_in_a_hundred_of_each(
    scores: dict[str, list[float]],
) -> None:
    limit = fit.threshold({name: np.array(values) for name, values in scores.items()})
    assert all((np.array(values) < limit).mean() <= fit.MAX_LOST for values in scores.values())


@pytest.fixture(scope="module")
def fitted() -> tuple[object, np.ndarray]:
    """A network that was trained for three short epochs to tell a mark above from other crops."""
    rng = np.random.default_rng(0)
    shape = (2 * fit.BATCH, INPUT.size, INPUT.size)
    marked, plain = (rng.integers(60, 120, shape).astype(np.uint8) for _ in range(2))
    marked[:, 4:16, 12:36] = 240
    training = fit.TrainingCrops(marked, plain, plain, plain)
    losses: list[float] = []
    network = fit.fit(training, 3, lambda epoch, loss: losses.append(loss))
    assert losses[-1] < losses[0]
    return network, np.concatenate([marked[:20], plain[:20]])


def test_it_learns(fitted: tuple[object, np.ndarray]) -> None:
    network, examples = fitted
    scores = fit.scores(network, examples)
    assert scores[:20].min() > scores[20:].max()


def test_the_written_file_scores_alike(fitted: tuple[object, np.ndarray], tmp_path: Path) -> None:
    network, examples = fitted
    fit.write(network, 0.25, tmp_path / "face_check.onnx")
    check = FaceCheck(tmp_path / "face_check.onnx")
    assert check.threshold == 0.25
    assert check.score(examples[..., None]) == pytest.approx(
        fit.scores(network, examples), abs=1e-5
    )
