"""Occlusion maps on demand: what a model's prediction for one picture rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from apps.studio import context, widgets
from apps.studio.context import View
from core import faces
from core.artifacts.bundle import MODEL_FILE
from core.artifacts.operating_point import ACCURACY
from core.data.base.crop_cache import face_of
from core.errors import ImageError, UserError
from core.predictor import Predictor
from core.preprocess import crop_face
from core.system import ROOT
from evaluation.explanation.heatmap import panel
from evaluation.explanation.occlusion import occlusion_maps
from evaluation.training_runs import run_folder

MODELS_FOLDER = ROOT / "assets" / "models"
RUN = "run "
"""What the names of models in run folders begin with."""
MAX_RUNS = 50
"""Run folders that are searched for models."""


@dataclass(frozen=True, slots=True)
class Panel:
    """The map of one task: the prediction in words, and an RGB uint8 (H, W, 3) picture."""

    prediction: str
    picture: NDArray[np.uint8]


@st.cache_resource(max_entries=4, ttl=60, show_spinner=False)
def bundles(runs: Path | None) -> dict[str, Path]:
    """Return name -> folder of the models at hand: those that ship, and those of the folder `runs`.

    No other path is opened.
    """
    folders = {p.parent.name: p.parent for p in sorted(MODELS_FOLDER.glob(f"*/{MODEL_FILE}"))}
    for run in islice(run_folder.find(runs) if runs is not None else (), MAX_RUNS):
        if (run.bundle / MODEL_FILE).is_file():
            folders.setdefault(f"{RUN}{run.path.name}", run.bundle)
    return folders


def _readable_bundles(view: View) -> dict[str, Path]:
    """Return `bundles` of the view's training runs, or without them where they cannot be read."""
    try:
        return bundles(view.runs)
    except UserError:
        return bundles(None)


@st.cache_resource(max_entries=2, show_spinner=False)
def _predictor(folder: Path, file_stamp: tuple[int, int], is_trusted: bool) -> Predictor:
    return Predictor(folder, operating_point=ACCURACY, is_trusted=is_trusted)


@st.cache_resource(max_entries=1, show_spinner=False)
def _detector() -> faces.Detector:
    return faces.best_detector()[0]


def panels(folder: Path, picture: Path, tight: bool, *, is_trusted: bool) -> list[Panel]:
    """Return the occlusion map of each of a model's tasks.

    Args:
        folder: of the model.
        picture: the file.
        tight: whether the picture is one face that fills it; else the face is searched.
        is_trusted: open a model with operators or sizes that are not allowed, too.

    Raises:
        UserError: the model or the picture cannot be read.
    """
    predictor = _predictor(folder, context.stamp(folder / MODEL_FILE), is_trusted)
    picture_and_face = face_of(picture, _detector(), tight)
    if picture_and_face is None:
        raise ImageError(f"Expected a picture, got {picture.name}, which cannot be read.")
    crop = crop_face(*picture_and_face, predictor.card.input)
    return [
        Panel(explanation.prediction, panel(crop, explanation, blur=False))
        for explanation in occlusion_maps(predictor, crop).values()
    ]


def show(view: View, rows: Sequence[Mapping[str, Any]]) -> None:
    """Draw the choice of a model, the button and the map of one sample.

    Args:
        view: the selections.
        rows: the sample's rows, one for each model.
    """
    st.subheader("What the prediction rests on")
    picture = view.faces.find(rows[0].get("path")) if view.faces is not None else None
    if picture is None:
        st.caption(
            "An occlusion map needs the picture and a model file: start with `--images DIR`."
        )
        return
    models = _readable_bundles(view)
    if not models:
        folder = context.as_markdown(str(MODELS_FOLDER.relative_to(ROOT)))
        st.caption(f"No model file in {folder} or in the folder of the training runs.")
        return
    row = st.container(horizontal=True, vertical_alignment="bottom")
    of_table = [n for r in rows for n in (r["model"], f"{RUN}{r['model']}") if n in models]
    name = widgets.choose(
        "sp.bundle", "Model file", list(models), next(iter(of_table), None), where=row
    )
    tight = widgets.toggle(
        "sp.tight",
        "The picture is one face that fills it",
        True,
        where=row,
        help="as in FER2013 and UTKFace; off: the face is searched in it",
    )
    pressed = row.button("Draw the map", key="sp.map", icon=":material/visibility:", type="primary")
    # Either file may have been written anew.
    stamps = context.stamp(models[name] / MODEL_FILE), context.stamp(picture)
    key = (name, str(picture), *stamps, tight)
    if not pressed and st.session_state.get("sp.mapped") != key:
        other = f" {context.as_markdown(name)} is not the name of a model of these tables."
        st.caption(
            "Squares of grey cover the face in turn; where the prediction suffers most lies its "
            f"evidence. This takes a few seconds.{'' if name in of_table else other}"
        )
        return
    with st.spinner("Covering the face in some hundred places ..."):
        maps = context.cached(
            view.store,
            "occlusion",
            key,
            lambda: panels(models[name], picture, tight, is_trusted=view.settings.is_trusted),
        )
    st.session_state["sp.mapped"] = key
    for cell, one in zip(st.columns(max(3, len(maps))), maps, strict=False):
        cell.image(one.picture, alt=f"Occlusion map: {one.prediction}")
