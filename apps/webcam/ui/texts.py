"""What the pages say, apart from readings."""

from __future__ import annotations

from html import escape

from core.artifacts.bundle import Card
from core.face_quality import HIGH
from core.pipeline import Pipeline
from core.types import LIMIT

CARD_FILE = "card.md"

PRIVACY = (
    "Your camera's pictures go to the computer that runs this page, are read in memory and are gone with the next frame: nothing is "
    "stored, logged or passed on. Press **Stop** or close the page to end it. Only point the camera at people who have agreed."
)
UPLOADS = "Uploads are deleted within seconds of being read, results when you leave or start anew, at the latest after half an hour."
STEPS = (
    "Click into the frame and allow the camera.",
    "Press Record: the live reading starts, nothing is recorded.",
    "Each face gets a card here, with its number in the picture.",
    "Press Stop when you are done.",
)

RESPONSIBLE = """
## Use it responsibly

- What you see is **a guess about looks**, not a fact about a person. An expression is not a feeling: people smile when they are sad.
- **Perceived gender** is what annotators of photographs would have written down, one of two words. It says nothing about who somebody is.
- **Age** is how old a face looks to the model, with an interval that should hold for about 80 % of faces like those it was trained on.
- Errors are not spread evenly: they differ with age, skin tone, gender, light, glasses, make-up, camera. The figures below say by how much.
- **Not for decisions about people**: hiring, access, policing, insurance, credit, health, advertising, proof of age.
- Inferring emotions **at work or in education** is forbidden in the European Union (Regulation 2024/1689, Article 5(1)(f)).
- **Only for people who have agreed**, and never to identify anybody: the demo recognises nobody and keeps no faces.

### As a program

`predict(image)` answers with the same readings as JSON, one picture in, a list of faces out:

```python
from gradio_client import Client, handle_file

faces = Client("http://127.0.0.1:7860").predict(handle_file("portrait.png"), api_name="/predict")
```
"""


def header(card: Card) -> str:
    """The page's title line."""
    return (
        "<div class='mien-head'><h1>Mien</h1><p>reads age, perceived gender and emotion from faces, live."
        f" <span>Model {escape(card.name)} {escape(card.version)}</span></p></div>"
    )


def status(pipeline: Pipeline) -> str:
    """Which detector runs, and why."""
    return f"<p class='mien-status'>Face detector: {escape(pipeline.about_detector)}</p>"


def about(pipeline: Pipeline) -> str:
    """The About page: responsible use, then the model's own card (its file where there is one, else
    what the bundle carries).
    """
    file = pipeline.predictor.path.parent / CARD_FILE
    text = file.read_text("utf-8") if file.is_file() else from_bundle(pipeline.predictor.card)
    return f"{RESPONSIBLE}\n{how_sure(pipeline.predictor.card)}\n---\n\n{text}\n\n---\n\nFace detector: {pipeline.about_detector}"


def how_sure(card: Card) -> str:
    """From what probability this model's answers are given: the bands of its first head as a table,
    all limits in words.
    """
    limit = card.thresholds.get("emotion" if card.head("emotion") else "gender", LIMIT)
    low = f"under {_percent(limit)}" if limit < 1 else "any"
    given = "the label and its probability"
    rows = [
        *([("high", f"over {_percent(max(limit, HIGH))}", given)] if limit < 1 else []),
        *([("medium", f"{_percent(limit)} to {_percent(HIGH)}", given)] if limit < HIGH else []),
        ("low", low, "*uncertain*"),
        (
            "none",
            "–",
            "no reading, with the reason: too small, blurred, dark, without contrast, turned away",
        ),
    ]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"### How sure is it?\n\n| band | probability | shown as |\n|---|---|---|\n{table}\n\n{limits(card)}\n"


def limits(card: Card) -> str:
    """What becomes *uncertain*, task by task, and what these limits are for."""
    names = {"emotion": "an emotion", "gender": "a perceived gender"}
    known = {
        name: card.thresholds[task]
        for task, name in names.items()
        if card.head(task) and task in card.thresholds
    }
    if not known:
        return f"This model brings no limits of its own: an answer under {_percent(LIMIT)} is called uncertain."
    said = [
        f"{name} under {100 * limit:.1f} %"
        if limit < 1
        else f"{name} always, as no limit was enough"
        for name, limit in known.items()
    ]
    reason = "From there on, at least nine of ten answers were right on the model's validation pictures; its card has the figures."
    years = (
        f" An age is uncertain where its interval is wider than {card.thresholds['age']:.0f} years."
        if "age" in card.thresholds
        else ""
    )
    return f"Called uncertain: {'; '.join(said)}. {reason}{years}"


def _percent(p: float) -> str:
    return f"{100 * p:.0f} %"


def from_bundle(card: Card) -> str:
    """A short model card from the metadata inside the model file."""
    cells = [
        (
            m.get("data", ""),
            m.get("split", ""),
            m.get("metric", ""),
            _number(m.get("value")),
            _interval(m.get("ci95")),
            m.get("n", ""),
        )
        for m in card.metrics
    ]
    rows = [f"| {' | '.join(map(str, row))} |" for row in cells]
    figures = "\n".join(
        [
            "| data | split | metric | value | 95 % interval | n |",
            "|---|---|---|---|---|---|",
            *rows,
        ]
    )
    heads = ", ".join(f"{h.task} ({h.kind}, {len(h.labels)} classes)" for h in card.heads)
    return (
        f"## Model {card.name} {card.version}\n\n"
        f"Input {card.input.size} × {card.input.size}, {'grey' if card.input.channels == 1 else 'colour'}; heads: {heads}. "
        f"Licence: {card.licence or 'not stated'}. Made: {card.created or 'not stated'}.\n\n"
        + (figures if rows else "This model's file carries no figures.")
    )


def _number(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, (int, float)) else str(value or "")


def _interval(value: object) -> str:
    return (
        "–".join(_number(v) for v in value)
        if isinstance(value, (list, tuple))
        else str(value or "")
    )
