"""Texts of the page, apart from predictions."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from math import inf
from typing import Any

from apps.webcam.ui import http_api
from core.artifacts.bundle import CARD_FILE
from core.artifacts.card import Card
from core.face_quality import HIGH
from core.pipeline import Pipeline
from core.types import LIMIT, UNCLEAR_AGE_YEARS
from core.vocabulary import TASKS, count_of

COUNTED = (
    "This demo counts what it reads from cameras, images and videos: how many faces, with which"
    " predictions and confidences, only in groups of ten or more. No picture, no face and no"
    " address is kept."
)
"""Said where monitoring is on."""
HEADER = (
    "<div class='mien-head'><h1>Mien</h1>"
    "<p>reads age, perceived gender and emotion from faces, live.</p></div>"
    "<p id='mien-announce' class='mien-hidden' role='status'></p>"
)
PLACE_IN_QUEUE = "<p id='mien-place' role='status'></p>"
"""Empty; scripts/queue_place.js writes the place of a visitor who waits."""
NO_IMAGE_YET = NO_FACE_YET = "Predictions appear here, one card per face."
READING_IMAGE = "The image is being read …"
SERVER_FAULT = "The demo has made a mistake; try again, or another picture or video."
NO_FACE_IN_VIEW = "No face in view. Face the camera, an arm's length away, with light on your face."

NO_THRESHOLD = "always, as no threshold reaches nine of ten"

RESPONSIBLE_USE = """
## Use it responsibly

- What you see is **a prediction from appearance**, not a fact about a person. An expression is not
  a feeling: people smile when they are sad.
- **Perceived gender** is what annotators of photographs would have chosen, one of two labels. It
  says nothing about who somebody is. Of small children it is not given where the model's card says
  so.
- **Age** is how old a face looks to the model, with an interval that should hold for about 80 % of
  faces like those it was trained on; on pictures from elsewhere it holds less often.
- Errors are not spread evenly: they differ with age, skin tone, gender, light, glasses, make-up and
  camera. The model card below has figures by group where these were measured, of the shipped
  model by age, perceived gender and race; it has none of the other influences.
- **Not for decisions about people**: hiring, access, policing, insurance, credit, health,
  advertising, proof of age.
- Inferring emotions **at work or in education** is forbidden in the European Union (Regulation
  2024/1689, Article 5(1)(f)).
- **Only for people who have agreed**, and never to identify anybody: the demo recognises nobody and
  keeps no faces.
"""


def technical_details(pipeline: Pipeline) -> str:
    """Return which model and which face detector run, and how far away the browser is."""
    card = pipeline.predictor.card
    return (
        "<p class='mien-status'>Connection: <span id='mien-line'>not measured yet</span></p>"
        f"<p class='mien-status'>Model: {escape(card.name)} {escape(card.version)}, "
        f"operating point {escape(card.operating_point)}</p>"
        f"<p class='mien-status'>Face detector: {escape(pipeline.about_detector)}</p>"
    )


def about(pipeline: Pipeline, images_at_once: int) -> str:
    """Return the About tab in Markdown: responsible use, the API, confidence, the model's card.

    The card is the file beside the model, or else what the model file itself carries.

    Args:
        pipeline: Its model is described.
        images_at_once: How many images are read at once.
    """
    card = pipeline.predictor.card
    file = pipeline.predictor.path.parent / CARD_FILE
    card_text = file.read_text("utf-8") if file.is_file() else card_markdown(card)
    detector = f"Face detector: {pipeline.about_detector}"
    return "\n".join(
        [
            RESPONSIBLE_USE,
            http_api.guide(images_at_once),
            confidence_bands(card),
            "---",
            "",
            card_text,
            "",
            "---",
            "",
            detector,
        ]
    )


def confidence_bands(card: Card) -> str:
    """Return the confidence bands of the model's first head as a table, and all its thresholds."""
    threshold = card.thresholds.get("emotion" if card.head("emotion") else "gender", LIMIT)
    shown_as = "the label and its probability"
    rows = []
    if threshold < 1:
        rows.append(("high", f"over {_percent(max(threshold, HIGH))}", shown_as))
    if threshold < HIGH:
        rows.append(("medium", f"{_percent(threshold)} to {_percent(HIGH)}", shown_as))
    rows.append(("low", f"under {_percent(threshold)}" if threshold < 1 else "any", "*uncertain*"))
    reasons = (
        "too small, blurred, dark, without contrast, turned away, cut off,"
        " or no whole, upright face"
    )
    rows.append(("none", "–", f"no prediction, with the reason: {reasons}"))
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return (
        "### Confidence and abstention\n\n"
        f"| confidence | probability | shown as |\n|---|---|---|\n{table}\n\n{thresholds(card)}\n"
    )


def thresholds(card: Card) -> str:
    """Return in a sentence which predictions are shown as uncertain, task by task, and why."""
    articles = {"emotion": "an", "gender": "a"}
    parts = []
    for task, article in articles.items():
        if not card.head(task) or task not in card.thresholds:
            continue
        threshold = card.thresholds[task]
        limit = f"under {100 * threshold:.1f} %" if threshold < 1 else NO_THRESHOLD
        parts.append(f"{article} {TASKS[task].name} {limit}")
    if not parts:
        return (
            "This model has no thresholds of its own: a prediction under"
            f" {_percent(LIMIT)} is shown as uncertain."
        )
    age = f" An age is unclear where its interval is wider than {UNCLEAR_AGE_YEARS:.0f} years."
    if card.thresholds.get("age", inf) < UNCLEAR_AGE_YEARS:
        age = (
            f" An age is uncertain where its interval is wider than {card.thresholds['age']:.0f}"
            f" years, and unclear where it is wider than {UNCLEAR_AGE_YEARS:.0f}."
        )
    return (
        f"Shown as uncertain: {'; '.join(parts)}. At and above these thresholds at least nine of"
        " ten predictions were correct on the model's validation images; its card has the"
        f" figures.{age}"
    )


def card_markdown(card: Card) -> str:
    """Return a short model card from the metadata inside the model file."""
    heads = ", ".join(
        f"{h.task} ({h.kind}, {count_of(len(h.labels), 'class')})" for h in card.heads
    )
    colour = "grey" if card.input.channels == 1 else "colour"
    lines = [
        f"## Model {card.name} {card.version}",
        "",
        f"Input {card.input.size} × {card.input.size}, {colour}; heads: {heads}."
        f" Licence: {card.licence or 'not stated'}. Created: {card.created or 'not stated'}.",
        "",
    ]
    if not card.metrics:
        return "\n".join([*lines, "This model's file carries no figures."])
    lines += ["| data | split | metric | value | 95 % interval | n |", "|---|---|---|---|---|---|"]
    return "\n".join([*lines, *(_metric_row(row) for row in card.metrics)])


def _metric_row(row: Mapping[str, Any]) -> str:
    cells = [
        row.get("data", ""),
        row.get("split", ""),
        row.get("metric", ""),
        _number(row.get("value")),
        _interval(row.get("ci95")),
        row.get("n", ""),
    ]
    return f"| {' | '.join(map(str, cells))} |"


def _percent(p: float) -> str:
    return f"{100 * p:.0f} %"


def _number(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, int | float) else str(value or "")


def _interval(value: object) -> str:
    if isinstance(value, list | tuple):
        return "–".join(_number(v) for v in value)
    return str(value or "")
