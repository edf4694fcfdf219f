"""The two samples that are offered where the command line names no table.

Real faces: the shipped model's predictions for photographs, whose licences forbid to ship them.
Drawn faces: two small networks' predictions for faces that this program draws, with the pictures,
which are drawn into the user's cache at the first start; `scripts/drawn_sample.py` regenerates it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import pyarrow.parquet as pq

from apps.studio.serving.images import Faces
from apps.studio.settings import (
    PROCESS,
    SAMPLE_DATASETS,
    SAMPLE_FOLDER,
    SAMPLE_PRODUCTION,
    Settings,
)
from core.artifacts.downloads import cache_dir
from core.data import synthetic_noisy
from core.errors import DataError
from core.files import atomic_file
from core.labels import NEUTRAL_CONTEMPT, SAD_NEUTRAL
from evaluation.predictions.meta import Meta

REAL, DRAWN = "", "drawn"
"""The samples' ids in the URL, which does not mention the first."""
DRAWN_FOLDER = SAMPLE_FOLDER / "drawn"
DRAWN_SPLIT = "test"


@dataclass(frozen=True, slots=True)
class TellingView:
    """A view that shows what the studio is for: a page with selections.

    Attributes:
        page: the page's name.
        question: that the view answers.
        selections: name in the URL -> texts.
    """

    page: str
    question: str
    selections: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ShippedSample:
    """Tables that ship, and what belongs to them.

    Attributes:
        title: what the sidebar calls it.
        about: what it is, in sentences.
        settings: what is open with it.
        views: the most telling ones.
        warning: what is wrong with its pictures, or nothing.
    """

    title: str
    about: str
    settings: Settings
    views: tuple[TellingView, ...]
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Drawing:
    """The drawn pictures: their folder and fingerprint, or why there are none."""

    faces: Faces | None
    fingerprint: str = ""
    error: str = ""


def offered() -> dict[str, ShippedSample]:
    """Return id -> sample; none where the command line names tables or data sets."""
    settings = PROCESS.settings
    return {} if settings.tables or settings.datasets else {REAL: _real(settings), DRAWN: _drawn()}


def is_shipped(path: Path | None) -> bool:
    """Return whether a file or folder belongs to a sample."""
    return path is not None and path.is_relative_to(SAMPLE_FOLDER)


def _real(settings: Settings) -> ShippedSample:
    """Return the sample that the command line's settings without tables belong to."""
    tables = tuple(
        table
        for model in ("mien_0_4", "mien")  # the first one is the baseline of the page Compare
        for table in sorted(SAMPLE_FOLDER.glob(f"{model}-*-val.parquet"))
    )
    return ShippedSample(
        title="Real faces, without pictures",
        about=(
            "These are the predictions of the shipped model, mien, for the validation parts of "
            "FER+ and UTKFace: photographs of real people. *mien 0.4* is the release before, "
            "which had learnt from fewer data sets. The pictures may not be passed on, so there "
            "are figures and no faces."
        ),
        settings=replace(
            settings,
            tables=tables,
            robustness=settings.robustness or SAMPLE_FOLDER / "robustness.parquet",
            runs=settings.runs or SAMPLE_FOLDER / "runs",
            datasets=SAMPLE_DATASETS,
            production=settings.production or SAMPLE_PRODUCTION,
        ),
        views=(
            TellingView(
                "confusion",
                "Which sad faces does it call neutral?",
                {"cm.cell": SAD_NEUTRAL},
            ),
            TellingView("confidence", "Can its confidence be believed?"),
            TellingView(
                "slices", "At which ages does it misjudge perceived gender?", {"task": ("gender",)}
            ),
            TellingView("compare", "What did learning from more data sets change?"),
            TellingView("robustness", "How much blur, noise or turning does it bear?"),
        ),
    )


def _drawn() -> ShippedSample:
    drawing = draw()
    tables = tuple(sorted(DRAWN_FOLDER.glob("drawn_*.parquet")))
    settings = Settings(
        tables=tables,
        faces=drawing.faces,
        runs=DRAWN_FOLDER / "runs",
        robustness=DRAWN_FOLDER / "robustness.parquet",
        audit=_reviewable(DRAWN_FOLDER / "findings.parquet"),
        datasets=(str(DRAWN_FOLDER / "drawn_joint.parquet"),),  # labels, groups and paths
    )
    warning = drawing.error
    if not warning and drawing.fingerprint != _fingerprint(tables[0]):
        warning = (
            "The pictures that were drawn on this machine are not, bit for bit, those that the "
            "models saw: another processor rounds in another way."
        )
    return ShippedSample(
        title="Drawn faces, with pictures",
        about=(
            "These are the predictions of two small networks for 500 faces that this program "
            "draws: no person is shown, and what they get wrong says nothing about real faces. "
            "*drawn_emotion* predicts emotions alone, *drawn_joint* also perceived gender and "
            "age; both were trained briefly, so that there are mistakes to look at. Of "
            "the 500 faces, 27 emotions and 22 perceived genders are labelled wrong on purpose, "
            "for you to find."
        ),
        settings=settings,
        views=(
            TellingView(
                "confusion",
                "Which neutral faces are taken for contempt?",
                {"cm.cell": NEUTRAL_CONTEMPT},
            ),
            TellingView("sample", "What does one prediction rest on?", {"right": ("wrong",)}),
            TellingView("quality", "Which labels are wrong?"),
            TellingView("browse", "Do its mistakes look alike?", {"br.colour": ("right",)}),
            TellingView("age_gender", "Whose age is misjudged, and which way?"),
        ),
        warning=warning,
    )


@cache
def draw() -> Drawing:
    """Return the pictures of the drawn sample, which are drawn where they are not there yet."""
    try:
        pictures = synthetic_noisy.load(".", DRAWN_SPLIT)
        return Drawing(Faces(pictures.root), pictures.fingerprint)
    except DataError as error:
        return Drawing(None, error=str(error))


@cache
def _fingerprint(table: Path) -> str:
    """Return the fingerprint of the pictures that a table's predictions were made for."""
    return Meta.of(pq.read_table(table, columns=["sample_id"])).fingerprint


@cache
def _reviewable(findings: Path) -> Path:
    """Return a copy in the cache: decisions are written beside it, and not beside what ships."""
    copy = cache_dir() / "studio" / findings.name
    content = findings.read_bytes()
    try:
        if not copy.is_file() or copy.read_bytes() != content:
            copy.parent.mkdir(parents=True, exist_ok=True)
            with atomic_file(copy) as path:
                path.write_bytes(content)
    except OSError:
        return findings
    return copy
