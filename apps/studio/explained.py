"""Occlusion maps on demand: which models are at hand, and what one of them looks at in one picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import streamlit as st

from apps.studio.settings import ROOT
from core import faces
from core.bundle import MODEL_FILE
from core.errors import ImageError
from core.predictor import Predictor
from core.prepare import face_of
from core.preprocess import crop_face
from evaluation import runs
from evaluation.explain import occlusion
from evaluation.heat import panel

MODELS = ROOT / "assets" / "models"
MOST = 50


@st.cache_resource(max_entries=4, ttl=60, show_spinner=False)
def bundles(root: Path | None) -> dict[str, Path]:
    """Name -> folder of the models that may be asked: those that ship, and those of the training runs in `root`. No other path is opened."""
    found = {p.parent.name: p.parent for p in sorted(MODELS.glob(f"*/{MODEL_FILE}"))}
    for _, run in zip(range(MOST), runs.find(root) if root is not None else (), strict=False):
        if (run / "bundle" / MODEL_FILE).is_file():
            found.setdefault(f"run {run.name}", run / "bundle")
    return found


@st.cache_resource(max_entries=2, show_spinner=False)
def _predictor(folder: Path, stamp: int) -> Predictor:
    return Predictor(folder)


@st.cache_resource(max_entries=1, show_spinner=False)
def _detector() -> faces.Detector:
    return faces.best_detector()[0]


def panels(folder: Path, picture: Path, tight: bool) -> list[tuple[str, np.ndarray]]:
    """(answer in words, RGB uint8 panel) of each of the model's tasks.

    Raises:
        UserError: the model or the picture cannot be read.
    """
    predictor = _predictor(folder, (folder / MODEL_FILE).stat().st_mtime_ns)
    found = face_of(picture, _detector(), predictor.card.input, tight)
    if found is None:
        raise ImageError(f"Expected a picture, got {picture.name}, which cannot be read.")
    crop = crop_face(*found, predictor.card.input)
    return [(one.answer, panel(crop, one, blur=False)) for one in occlusion(predictor, crop).values()]
