"""Predictions in words, so that image, cards, video and CSV use the same ones."""

from __future__ import annotations

from core.face_quality import Band
from core.labels import EMOTION_ADJECTIVES
from core.pipeline import FaceReading
from core.types import Age, Distribution, Prediction

BAND_TEXT: dict[Band, str] = {
    "high": "high confidence",
    "medium": "medium confidence",
    "low": "low confidence",
}
MAX_SHOWN_PERCENT = 99
"""No prediction is certain."""
AGE_UNCLEAR = "age unclear"
NOT_GIVEN = "not given"


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


def gender(prediction: Prediction) -> str:
    """Return e.g. 'perceived gender: female 97 %'; '... uncertain' or '... not given'."""
    if prediction.gender_not_given:
        return f"perceived gender: {NOT_GIVEN}"
    distribution = prediction.gender
    if distribution is None:
        return "no perceived gender model"
    if distribution.uncertain:
        return "perceived gender: uncertain"
    return f"perceived gender: {distribution.top} {percent(distribution.confidence)}"


def age(prediction: Age | None) -> str:
    """Return e.g. '28–37 years', 'age uncertain, 21–46 years', or 'age unclear'."""
    if prediction is None:
        return "no age model"
    if prediction.unclear:
        return AGE_UNCLEAR
    prefix = "age uncertain, " if prediction.uncertain else ""
    return f"{prefix}{prediction.low:.0f}–{prediction.high:.0f} years"


def lines(prediction: Prediction) -> list[str]:
    """Return each task's prediction in words, without those that the model lacks."""
    emotions = [emotion(prediction.emotion)] if prediction.emotion else []
    genders = [gender(prediction)] if prediction.gender else []
    return emotions + genders + ([age(prediction.age)] if prediction.age else [])


def tag(number: int, reading: FaceReading) -> str:
    """Return the tag of a face in the image: its number, emotion and age, as '2 happy 53'.

    An uncertain emotion has a question mark, an uncertain age is left out, an unclear one is called
    so; of an abstention there is the reason.
    """
    if reading.abstained:
        return f"{number} {reading.abstained.split(':')[0]}"
    prediction, words = reading.prediction, [str(number)]
    if prediction.emotion:
        mark = "?" if prediction.emotion.uncertain else ""
        words.append(EMOTION_ADJECTIVES.get(prediction.emotion.top, prediction.emotion.top) + mark)
    if prediction.age and not prediction.age.uncertain:
        words.append(f"{prediction.age.value:.0f}")
    unclear = f", {AGE_UNCLEAR}" if prediction.age and prediction.age.unclear else ""
    return " ".join(words) + unclear


def sentence(number: int, reading: FaceReading) -> str:
    """Return a face's reading for a screen reader, without what changes with every frame."""
    if reading.abstained:
        return f"Face {number}: no prediction, {reading.abstained}."
    parts, prediction = [], reading.prediction
    for prefix, head in (("", prediction.emotion), ("perceived gender ", prediction.given_gender)):
        if head:
            parts.append(f"{prefix}{'uncertain' if head.uncertain else head.top}")
    if prediction.gender_not_given:
        parts.append(f"perceived gender {NOT_GIVEN}")
    if prediction.age:
        parts.append(age(prediction.age))
    return f"Face {number}: {', '.join(parts)}."
