"""Occlusion maps on demand: which models are at hand, and what one of them looks at in one picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from apps.studio import context, url_state
from apps.studio.context import View
from apps.studio.settings import ROOT
from core import faces
from core.artifacts.bundle import MODEL_FILE
from core.data.base.crop_cache import face_of
from core.errors import ImageError, UserError
from core.predictor import Predictor
from core.preprocess import crop_face
from evaluation.training_runs import run_folder
from evaluation.commands.explain import occlusion
from evaluation.explanation.heatmap import panel

MODELS = ROOT / "assets" / "models"
MOST = 50


@st.cache_resource(max_entries=4, ttl=60, show_spinner=False)
def bundles(root: Path | None) -> dict[str, Path]:
    """Name -> folder of the models that may be asked: those that ship, and those of the runs in
    `root`. No other path is opened.
    """
    found = {p.parent.name: p.parent for p in sorted(MODELS.glob(f"*/{MODEL_FILE}"))}
    for _, run in zip(range(MOST), run_folder.find(root) if root is not None else (), strict=False):
        if (run.bundle / MODEL_FILE).is_file():
            found.setdefault(f"run {run.path.name}", run.bundle)
    return found


@st.cache_resource(max_entries=2, show_spinner=False)
def _predictor(folder: Path, stamp: int) -> Predictor:
    return Predictor(folder)


@st.cache_resource(max_entries=1, show_spinner=False)
def _detector() -> faces.Detector:
    return faces.best_detector()[0]


def _stamp(file: Path) -> int:
    """When `file` was written, ns; 0 where it is gone."""
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0


def panels(folder: Path, picture: Path, tight: bool) -> list[tuple[str, np.ndarray]]:
    """(answer in words, RGB uint8 panel) of each of the model's tasks.

    Raises:
        UserError: the model or the picture cannot be read.
    """
    predictor = _predictor(folder, _stamp(folder / MODEL_FILE))
    found = face_of(picture, _detector(), tight)
    if found is None:
        raise ImageError(f"Expected a picture, got {picture.name}, which cannot be read.")
    crop = crop_face(*found, predictor.card.input)
    return [
        (one.answer, panel(crop, one, blur=False)) for one in occlusion(predictor, crop).values()
    ]


def show(view: View, rows: list[dict[str, Any]]) -> None:
    """The choice of a model, the button and the map of one sample; rows: what the models said of
    it.
    """
    st.subheader("What the answer rests on")
    found = view.faces.find(rows[0].get("path")) if view.faces is not None else None
    if found is None:
        st.caption(
            "An occlusion map needs the picture and a model file: start with `--images DIR`."
        )
        return
    try:
        models = bundles(view.runs)
    except UserError:
        models = bundles(None)
    if not models:
        st.caption(
            f"No model file is at hand in {context.plain(str(MODELS.relative_to(ROOT)))} or in the runs' folder."
        )
        return
    row = st.container(horizontal=True, vertical_alignment="bottom")
    same = next((r["model"] for r in rows if r["model"] in models), None)
    name = url_state.choose("sp.bundle", "Model file", list(models), same, where=row)
    tight = url_state.toggle(
        "sp.tight",
        "The picture is one face that fills it",
        True,
        where=row,
        help="as in FER2013 and UTKFace; off: the face is searched in it",
    )
    asked = row.button("Draw the map", key="sp.map", icon=":material/visibility:", type="primary")
    key = (
        name,
        _stamp(models[name] / MODEL_FILE),
        str(found),
        _stamp(found),
        tight,
    )  # either file may be written anew
    if not asked and st.session_state.get("sp.mapped") != key:
        st.caption(
            "Squares of grey cover the face in turn; where the answer suffers most lies its evidence. A few seconds."
            + (
                ""
                if same == name
                else f" {context.plain(name)} is not the name of a model of these tables: its answers may be others."
            )
        )
        return
    with st.spinner("Covering the face in some hundred places ..."):
        drawn = view.store.remember(("occlusion", *key), lambda: panels(models[name], found, tight))
    st.session_state["sp.mapped"] = key
    cells = st.columns(max(3, len(drawn)))
    for cell, (answer, picture) in zip(cells, drawn, strict=False):
        cell.image(picture, alt=f"Occlusion map: {answer}")
