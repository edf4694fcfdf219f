"""The cards beside the image and other small parts of the page, as HTML.

Plain markup, so that twelve updates a second cost server and browser next to nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from apps.webcam.tracking.tracker import TrackedFace
from apps.webcam.ui import labels
from core.types import UNCLEAR_AGE_YEARS, Age, Box, Distribution, Prediction

MAX_CARDS = 6
"""Cards on the page; further faces are counted, and the API returns them all."""
MAX_FULL_CARDS = 2
"""Up to so many faces have cards with all bars; those of more are short until they are chosen."""
SHORT_CARD_EMOTIONS = 2
"""Bars of emotion on a short card."""
MIN_BAR = 0.01
"""Labels of less probability have no bar; they are named below the others."""
AGE_BAR_YEARS, AGE_TICKS = 90, (0, 30, 60, 90)
"""Years at the right end of the age bar, and those that are written below it."""


def faces(
    tracked: Sequence[TrackedFace],
    no_face_text: str,
    size: tuple[int, int],
    *,
    mirrored: bool = False,
) -> str:
    """Return one card per face for the largest faces, or `no_face_text` without any.

    `scripts/link_cards.js` links each card with its face in the image.

    Args:
        tracked: All faces.
        no_face_text: Shown where there are none.
        size: Width and height of the image, pixels.
        mirrored: The image is shown mirrored.
    """
    if not tracked:
        return note(no_face_text)
    largest = sorted(tracked, key=lambda t: -t.reading.face.size)[:MAX_CARDS]
    shown = sorted(largest, key=lambda t: t.id)
    cards = "".join(_card(t, _shares(t.reading.face.box, size, mirrored=mirrored)) for t in shown)
    hidden = len(tracked) - len(largest)
    rest = f"<p class='mien-more'>and {hidden} more, numbered in the image</p>" if hidden else ""
    kind = "mien-faces mien-many" if len(shown) > MAX_FULL_CARDS else "mien-faces"
    summary = escape(" ".join(labels.sentence(t.id, t.reading) for t in shown), quote=True)
    return f"<div class='{kind}' data-summary='{summary}'>{cards}{rest}</div>"


def _shares(box: Box, size: tuple[int, int], *, mirrored: bool) -> str:
    """Return left, top, width and height of a box as shares of the shown image."""
    (x, y, w, h), (width, height) = box, size
    left = width - x - w if mirrored else x
    return f"{left / width:.3f} {y / height:.3f} {w / width:.3f} {h / height:.3f}"


def note(text: str) -> str:
    """Return a quiet hint."""
    return f"<div class='mien-note'>{escape(text)}</div>"


def problem(text: str) -> str:
    """Return what is wrong with the visitor's input, read out by screen readers."""
    return f"<div class='mien-problem' role='alert'><b>That did not work.</b> {escape(text)}</div>"


def progress(text: str, share: float | None) -> str:
    """Return a progress bar; `share` is in [0, 1], None where the end is not known."""
    value = "" if share is None else f" value='{share:.3f}'"
    bar = f"<progress max='1'{value} aria-label='Progress'></progress>"
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


def _card(face: TrackedFace, shares: str) -> str:
    reading, prediction = face.reading, face.reading.prediction
    if reading.abstained:
        title, kind, badge, groups = f"No prediction: {reading.abstained}", "none", "", ""
    else:
        title, kind = labels.emotion(prediction.emotion), reading.band
        badge = f"<span class='mien-band'>{labels.BAND_TEXT[reading.band]}</span>"
        groups = _emotion(prediction.emotion) + _gender(prediction) + _age(prediction.age)
    heading = f"<h2><span class='mien-id'>{face.id}</span>{escape(title)}{badge}</h2>"
    return (
        f"<section class='mien-card mien-{kind}' data-face='{face.id}' data-box='{shares}'"
        f" tabindex='0' aria-label='Face {face.id}'>{heading}{groups}</section>"
    )


def _emotion(distribution: Distribution | None) -> str:
    if distribution is None:
        return ""
    return _group("emotion", "Emotion shown", _bars(distribution, SHORT_CARD_EMOTIONS))


def _gender(prediction: Prediction) -> str:
    if reason := prediction.gender_not_given:
        title = f"Perceived gender <b>{labels.NOT_GIVEN}</b> <small>{escape(reason)}</small>"
        return _group("gender", title, "")
    distribution = prediction.gender
    if distribution is None:
        return ""
    uncertain = "<em>uncertain</em>" if distribution.uncertain else ""
    return _group("gender", f"Perceived gender {uncertain}", _bars(distribution, 1))


def _age(age: Age | None) -> str:
    if age is None:
        return ""
    left, dot, right = (_place_of_age(years) for years in (age.low, age.value, age.high))
    span = f"<i style='left:{left:.1f}%;width:{max(1.0, right - left):.1f}%'></i>"
    mark = "" if age.unclear else f"<u style='left:{dot:.1f}%'></u>"
    ticks = "".join(f"<span>{years}</span>" for years in AGE_TICKS)
    scale = f"<div class='mien-scale' aria-hidden='true'>{ticks}</div>"
    return _group("age", _age_title(age), f"<div class='mien-span'>{span}{mark}</div>{scale}")


def _age_title(age: Age) -> str:
    if age.unclear:
        why = f"{labels.percent(age.coverage)} interval over {UNCLEAR_AGE_YEARS:.0f} years wide"
        return f"Age <b>unclear</b> <small>{why}</small>"
    uncertain = " <em>uncertain</em>" if age.uncertain else ""
    return (
        f"Age <b>{age.low:.0f}–{age.high:.0f} years</b>{uncertain}"
        f" <small>{labels.percent(age.coverage)} interval, about {age.value:.0f}</small>"
    )


def _place_of_age(years: float) -> float:
    """Return where on the age bar, 0 to 100 %."""
    return min(100.0, max(0.0, 100 * years / AGE_BAR_YEARS))


def _group(attribute: str, title: str, content: str) -> str:
    return f"<div class='mien-group' data-attribute='{attribute}'><h3>{title}</h3>{content}</div>"


def _bars(distribution: Distribution, on_short_card: int) -> str:
    """Return one bar per label that has a probability to speak of, and name the others.

    That of the prediction stands out, unless it is uncertain.

    Args:
        distribution: Of one task.
        on_short_card: How many bars a short card shows.
    """
    predicted = None if distribution.uncertain else distribution.top
    p_of_label = distribution.as_dict()
    main = sorted(p_of_label, key=lambda label: -p_of_label[label])[:on_short_card]
    bars = "".join(
        _bar(label, p, f"{'top' if label == predicted else ''} {'' if label in main else 'minor'}")
        for label, p in p_of_label.items()
        if p >= MIN_BAR
    )
    rare = [label for label, p in p_of_label.items() if p < MIN_BAR]
    rest = f"<p class='mien-rest minor'>under 1 %: {escape(', '.join(rare))}</p>" if rare else ""
    return bars + rest


def _bar(label: str, p: float, kind: str) -> str:
    return (
        f"<div class='mien-bar {kind.strip()}'><span>{escape(label)}</span>"
        f"<i><b style='width:{100 * p:.1f}%'></b></i>"
        f"<data value='{p:.4f}'>{labels.percent(p)}</data></div>"
    )
