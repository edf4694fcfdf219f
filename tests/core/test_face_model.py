"""A network and an ensemble have the same functions, and one of one member predicts the same."""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
import pytest

from core.ensemble import Ensemble
from core.face_model import FaceModel, open_model
from core.predictor import Predictor
from tests.core.ensembles import join, write

MEMBERS = [name for name in vars(FaceModel) if not name.startswith("_")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    write(folder / "a", 1)
    return join(folder, {"model": "a"})


@pytest.mark.parametrize("kind", [Predictor, Ensemble])
def test_both_kinds_of_models_do_the_same(folder: Path, kind: type) -> None:
    model = open_model(folder / "a" if kind is Predictor else folder)
    assert isinstance(model, kind) and {"predict", "fingerprint"} <= set(MEMBERS)
    for name in (*MEMBERS, *FaceModel.__annotations__):
        assert hasattr(model, name), name
    for name, method in inspect.getmembers(FaceModel, inspect.isfunction):
        if not name.startswith("_"):
            wanted, given = (
                list(inspect.signature(f).parameters) for f in (method, getattr(kind, name))
            )
            assert wanted == given, name


def test_an_ensemble_of_one_predicts_as_its_member(folder: Path, portrait: np.ndarray) -> None:
    one, both = (open_model(path).predict(portrait, [None])[0] for path in (folder / "a", folder))
    assert one.emotion.p == pytest.approx(both.emotion.p) and one.age == both.age
