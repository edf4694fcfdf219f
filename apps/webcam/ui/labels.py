"""Predictions in words, so that image, cards, video and CSV use the same ones."""

from __future__ import annotations

from core.face_quality import Band
from core.pipeline import FaceReading
from core.types import Age, Distribution

BAND_TEXT: dict[Band, str] = {
    "high": "high confidence",
    "medium": "medium confidence",
    "low": "low confidence",
}
MAX_SHOWN_PERCENT = 99
"""No prediction is certain."""


def percent(p: float) -> str:
    """Return a probability as a whole percentage, never 100 %: 0.834 -> '83 %'."""
    return f"{min(MAX_SHOWN_PERCENT, round(100 * p))} %"


def emotion(distribution: Distribution | None) -> str:
    """Return e.g. 'happiness 83 %'; below the model's threshold 'uncertain, perhaps happiness'."""
    if distribution is None:
        return "no emotion model"
    if distribution.uncertain:
        return f"uncertain, perhaps {distribution.top}"
    return f"{distribution.top} {percent(distribution.confidence)}"


def gender(distribution: Distribution | None) -> str:
    """Return e.g. 'perceived gender: female 97 %'; below the threshold '... uncertain'."""
    if distribution is None:
        return "no perceived gender model"
    if distribution.uncertain:
        return "perceived gender: uncertain"
    return f"perceived gender: {distribution.top} {percent(distribution.confidence)}"


def age(prediction: Age | None) -> str:
    """Return e.g. '28–37 years'; 'age uncertain, 21–60 years' for an interval above the limit."""
    if prediction is None:
        return "no age model"
    prefix = "age uncertain, " if prediction.uncertain else ""
    return f"{prefix}{prediction.low:.0f}–{prediction.high:.0f} years"


def lines(reading: FaceReading) -> tuple[str, ...]:
    """Return the lines of text beside a face in the image."""
    if reading.abstained:
        return ("no prediction", reading.abstained.split(":")[0])
    prediction = reading.prediction
    return (emotion(prediction.emotion), gender(prediction.gender), age(prediction.age))
