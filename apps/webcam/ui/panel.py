"""The cards beside the image and other small parts of the page, as HTML.

Plain markup, so that twelve updates a second cost server and browser next to nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from apps.webcam.tracking.tracker import TrackedFace
from apps.webcam.ui import labels
from core.types import Age, Distribution, Prediction

MAX_CARDS = 6
"""Cards on the page; further faces are counted, and the API returns them all."""
AGE_BAR_YEARS = 90
"""Years at the right end of the age bar."""


def faces(tracked: Sequence[TrackedFace], no_face_text: str) -> str:
    """Return one card per face for the largest faces, or `no_face_text` without any."""
    if not tracked:
        return note(no_face_text)
    largest = sorted(tracked, key=lambda t: -t.reading.face.size)[:MAX_CARDS]
    cards = "".join(_card(t) for t in sorted(largest, key=lambda t: t.id))
    hidden = len(tracked) - len(largest)
    rest = f"<p class='mien-more'>and {hidden} more, numbered in the image</p>" if hidden else ""
    return f"<div class='mien-faces'>{cards}{rest}</div>"


def note(text: str) -> str:
    """Return a quiet hint."""
    return f"<div class='mien-note'>{escape(text)}</div>"


def steps(texts: Sequence[str]) -> str:
    """Return numbered steps to take."""
    items = "".join(f"<li>{escape(t)}</li>" for t in texts)
    return f"<ol class='mien-note mien-steps'>{items}</ol>"


def problem(text: str) -> str:
    """Return what is wrong with the visitor's input, read out by screen readers."""
    return f"<div class='mien-problem' role='alert'><b>That did not work.</b> {escape(text)}</div>"


def progress(text: str, share: float) -> str:
    """Return a progress bar; `share` is in [0, 1]."""
    bar = f"<progress max='1' value='{share:.3f}' aria-label='Progress'></progress>"
    return f"<div class='mien-progress'>{bar}<span>{escape(text)}</span></div>"


def readout(timing_ms: Mapping[str, float], frames_per_s: float | None) -> str:
    """Return where the time goes, in the order given.

    Args:
        timing_ms: Milliseconds by step.
        frames_per_s: None for a single image.
    """
    rate = ""
    if frames_per_s is not None:
        value = f"<dd data-rate='{frames_per_s:.2f}'>{frames_per_s:.1f}</dd>"
        rate = f"<div class='mien-rate'><dt>frames/s</dt>{value}</div>"
    cells = "".join(
        f"<div><dt>{escape(step)}</dt><dd>{ms:.1f} ms</dd></div>" for step, ms in timing_ms.items()
    )
    return f"<dl class='mien-readout'>{rate}{cells}</dl>"


def _card(face: TrackedFace) -> str:
    reading, prediction = face.reading, face.reading.prediction
    if reading.abstained:
        title, kind, badge = f"No prediction: {reading.abstained}", "none", ""
        earlier = "<p class='mien-before'>As predicted before:</p>"
        before = earlier if prediction != Prediction() else ""
    else:
        title, kind = labels.emotion(prediction.emotion), reading.band
        badge = f"<span class='mien-band'>{labels.BAND_TEXT[reading.band]}</span>"
        before = ""
    heading = f"<h3><span class='mien-id'>{face.id}</span>{escape(title)}{badge}</h3>"
    groups = _emotion(prediction.emotion) + _gender(prediction.gender) + _age(prediction.age)
    return (
        f"<section class='mien-card mien-{kind}' data-face='{face.id}'>"
        f"{heading}{before}{groups}</section>"
    )


def _emotion(distribution: Distribution | None) -> str:
    if distribution is None:
        return ""
    return _group("emotion", "Emotion shown", _bars(distribution))


def _gender(distribution: Distribution | None) -> str:
    if distribution is None:
        return ""
    uncertain = "<em>uncertain</em>" if distribution.uncertain else ""
    return _group("gender", f"Perceived gender {uncertain}", _bars(distribution))


def _age(age: Age | None) -> str:
    if age is None:
        return ""
    left, dot, right = (
        min(100.0, max(0.0, 100 * years / AGE_BAR_YEARS))
        for years in (age.low, age.value, age.high)
    )
    uncertain = " <em>uncertain</em>" if age.uncertain else ""
    title = (
        f"Age <b>{age.low:.0f}–{age.high:.0f} years</b>{uncertain}"
        f" <small>{age.coverage:.0%} interval, about {age.value:.0f}</small>"
    )
    span = f"<i style='left:{left:.1f}%;width:{max(1.0, right - left):.1f}%'></i>"
    mark = f"<u style='left:{dot:.1f}%'></u>"
    return _group("age", title, f"<div class='mien-span'>{span}{mark}</div>")


def _group(attribute: str, title: str, content: str) -> str:
    return f"<div class='mien-group' data-attribute='{attribute}'><h4>{title}</h4>{content}</div>"


def _bars(distribution: Distribution) -> str:
    """Return one bar per label; that of the prediction stands out, unless it is uncertain."""
    predicted = None if distribution.uncertain else distribution.top
    return "".join(
        _bar(label, p, "top" if label == predicted else "")
        for label, p in distribution.as_dict().items()
    )


def _bar(label: str, p: float, kind: str) -> str:
    return (
        f"<div class='mien-bar {kind}'><span>{escape(label)}</span>"
        f"<i><b style='width:{100 * p:.1f}%'></b></i>"
        f"<data value='{p:.4f}'>{labels.percent(p)}</data></div>"
    )
