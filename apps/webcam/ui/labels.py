"""How a reading is put into words: one place, so that the picture, the panel, the video and the CSV
say the same.
"""

from __future__ import annotations

from core.face_quality import Band
from core.pipeline import FaceReading
from core.types import Age, Distribution

BAND_TEXT: dict[Band, str] = {
    "high": "high confidence",
    "medium": "medium confidence",
    "low": "low confidence",
}


def percent(p: float) -> str:
    """0.834 -> '83 %'; nothing is ever certain, so never 100 %."""
    return f"{min(99, round(100 * p))} %"


def emotion(said: Distribution | None) -> str:
    """'happiness 83 %'; under the model's limit 'uncertain, perhaps happiness'."""
    if said is None:
        return "no emotion model"
    return (
        f"uncertain, perhaps {said.top}"
        if said.uncertain
        else f"{said.top} {percent(said.confidence)}"
    )


def gender(said: Distribution | None) -> str:
    """'perceived gender: female 97 %'; under the model's limit 'perceived gender: uncertain'."""
    if said is None:
        return "no perceived gender model"
    return f"perceived gender: {'uncertain' if said.uncertain else f'{said.top} {percent(said.confidence)}'}"


def age(said: Age | None) -> str:
    """'28–37 years'; 'age uncertain, 21–60 years' where the interval is wider than the model's
    limit.
    """
    if said is None:
        return "no age model"
    return f"{'age uncertain, ' if said.uncertain else ''}{said.low:.0f}–{said.high:.0f} years"


def lines(reading: FaceReading) -> tuple[str, ...]:
    """What stands beside a face in the picture."""
    if reading.abstained:
        return ("no reading", reading.abstained.split(":")[0])
    said = reading.prediction
    return (emotion(said.emotion), gender(said.gender), age(said.age))
