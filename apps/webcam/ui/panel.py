"""The readings beside the picture as HTML: plain markup, so that twelve a second cost the server
and the browser next to nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from apps.webcam.tracking.tracker import Tracked
from apps.webcam.ui import labels
from core.types import Age, Distribution, Prediction

SHOWN = 6
"""Cards on the page at most; a crowd's other faces are counted, and the API returns them all."""
AGE_SCALE = 90
"""Years at the right end of the age bar."""


def faces(tracked: Sequence[Tracked], nobody: str) -> str:
    """One card per face; `nobody` is the text where there is none."""
    if not tracked:
        return note(nobody)
    shown = sorted(tracked, key=lambda t: -t.reading.face.size)[:SHOWN]
    cards = "".join(_card(t) for t in sorted(shown, key=lambda t: t.id))
    more = (
        f"<p class='mien-more'>and {len(tracked) - SHOWN} more, numbered in the picture</p>"
        if len(tracked) > SHOWN
        else ""
    )
    return f"<div class='mien-faces'>{cards}{more}</div>"


def note(text: str) -> str:
    """A quiet hint."""
    return f"<div class='mien-note'>{escape(text)}</div>"


def steps(texts: Sequence[str]) -> str:
    """Numbered steps to take."""
    return (
        f"<ol class='mien-note mien-steps'>{''.join(f'<li>{escape(t)}</li>' for t in texts)}</ol>"
    )


def problem(text: str) -> str:
    """What went wrong with what the visitor gave; read out by screen readers."""
    return f"<div class='mien-problem' role='alert'><b>That did not work.</b> {escape(text)}</div>"


def progress(text: str, done: float) -> str:
    """A progress bar; `done` in [0, 1]."""
    bar = f"<progress max='1' value='{done:.3f}' aria-label='Progress'></progress>"
    return f"<div class='mien-progress'>{bar}<span>{escape(text)}</span></div>"


def readout(ms: Mapping[str, float], rate: float | None) -> str:
    """Where the time goes, in milliseconds, in the order given; `rate`: frames/s, None for a still
    picture.
    """
    cells = "".join(f"<div><dt>{escape(k)}</dt><dd>{v:.1f} ms</dd></div>" for k, v in ms.items())
    speed = (
        ""
        if rate is None
        else f"<div class='mien-rate'><dt>frames/s</dt><dd data-rate='{rate:.2f}'>{rate:.1f}</dd></div>"
    )
    return f"<dl class='mien-readout'>{speed}{cells}</dl>"


def _card(face: Tracked) -> str:
    reading, said = face.reading, face.reading.prediction
    if reading.abstained:
        head, kind = f"No reading: {reading.abstained}", "none"
    else:
        head, kind = labels.emotion(said.emotion), reading.band
    badge = (
        ""
        if reading.abstained
        else f"<span class='mien-band'>{labels.BAND_TEXT[reading.band]}</span>"
    )
    before = (
        "<p class='mien-before'>As read before:</p>"
        if reading.abstained and said != Prediction()
        else ""
    )
    return (
        f"<section class='mien-card mien-{kind}' data-face='{face.id}'><h3><span class='mien-id'>{face.id}</span>{escape(head)}{badge}</h3>"
        f"{before}{_emotion(said.emotion)}{_gender(said.gender)}{_age(said.age)}</section>"
    )


def _emotion(said: Distribution | None) -> str:
    if said is None:
        return ""
    return f"<div class='mien-group' data-attribute='emotion'><h4>Emotion shown</h4>{_bars(said)}</div>"


def _gender(said: Distribution | None) -> str:
    if said is None:
        return ""
    unsure = "<em>uncertain</em>" if said.uncertain else ""
    return f"<div class='mien-group' data-attribute='gender'><h4>Perceived gender {unsure}</h4>{_bars(said)}</div>"


def _age(said: Age | None) -> str:
    if said is None:
        return ""
    left, right = (min(100.0, max(0.0, 100 * v / AGE_SCALE)) for v in (said.low, said.high))
    head = f"Age <b>{said.low:.0f}–{said.high:.0f} years</b>{' <em>uncertain</em>' if said.uncertain else ''}"
    dot = min(100.0, max(0.0, 100 * said.value / AGE_SCALE))
    return (
        f"<div class='mien-group' data-attribute='age'><h4>{head} <small>{said.coverage:.0%} interval, "
        f"about {said.value:.0f}</small></h4><div class='mien-span'><i style='left:{left:.1f}%;width:{max(1.0, right - left):.1f}%'></i>"
        f"<u style='left:{dot:.1f}%'></u></div></div>"
    )


def _bars(said: Distribution) -> str:
    """One bar per label; the answer's stands out, where there is one."""
    return "".join(
        _bar(label, p, labels.percent(p), "top" if label == said.top and not said.uncertain else "")
        for label, p in said.as_dict().items()
    )


def _bar(label: str, p: float, text: str, kind: str) -> str:
    return (
        f"<div class='mien-bar {kind}'><span>{escape(label)}</span><i><b style='width:{100 * p:.1f}%'></b></i>"
        f"<data value='{p:.4f}'>{text}</data></div>"
    )
