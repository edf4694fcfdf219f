"""The model card in Markdown (Mitchell et al., arXiv 1810.03993), from the card inside the bundle:
every figure in it was measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.artifacts.card import Card
from core.calibration import INTERVAL_COVERAGE
from evaluation.analysis.thresholds import CARD_PRECISION, MIN_THRESHOLD
from train.export.int8_loss import MAX_INT8_LOSS, MIN_JUDGED_SAMPLES
from train.export.provenance import kind, listed, named, of_data, of_groups, of_labels
from train.export.thresholds import ACCURACY, ANSWERED, CROSSED, MAE, MAE_UNSURE, SPAN
from train.runs.card_metrics import CARD_METRICS

BEFORE = "{}_of_the_float32_network_before"
"""A figure of the float32 network that one which rounds began as, on the same pictures."""
ELSEWHERE = {
    CROSSED,
    SPAN,
    MAE,
    MAE_UNSURE,
    *(form.format(task) for form in (ANSWERED, ACCURACY) for task in ("emotion", "gender", "age")),
    *map(BEFORE.format, CARD_METRICS.values()),
}
"""Figures that have a table of their own."""

INTENDED = """## What it is for

Research and demonstration on faces of people who have agreed to it: trying out a webcam demo, studying where such models fail, teaching.

## What it must not be used for

- **Decisions about people**: hiring, access, credit, policing, insurance, medicine, age checks with consequences.
- **Emotion inference at work or in education**: forbidden in the European Union (Regulation (EU) 2024/1689, Article 5(1)(f)), and wrong
  elsewhere too.
- **Anyone who has not agreed**, or who cannot.
- **Identifying anyone**, or tracking people across pictures.
"""

MEASURED = """\
- The figures above were measured on **validation** parts that also chose the checkpoint, the temperatures and the limits: expect a little
  less on unseen data."""
GROUPED = "- Groups with few pictures have wide intervals; a difference between two groups whose intervals overlap may be chance."
SMALL = "- Faces under 24 px, in the dark, blurred, or turned away are answered with an abstention by the demo, not with a guess."


def describe(card: Card, parameters: int) -> str:
    """`card.md` of a bundle."""
    figures = (
        _figures(card),
        _rounding(card),
        _answers(card),
        _intervals(card),
        _groups(card),
        _findings(card),
    )
    blocks = [
        f"# {card.name} {card.version}\n",
        _summary(card, parameters),
        *figures,
        INTENDED,
        limits(card),
        _data(card),
    ]
    return "\n".join(b for b in blocks if b)


def limits(card: Card) -> str:
    """What the answers and figures of a card's model do not say."""
    lines = [f"- {line}" for line in of_labels(card)]
    lines += [MEASURED] * bool(card.metrics) + [GROUPED] * any(m.get("group") for m in card.metrics)
    return "\n".join(["## Limits\n", *lines, SMALL, ""])


def _summary(card: Card, parameters: int) -> str:
    colours = "grey" if card.input.channels == 1 else "RGB"
    reads = listed(named(h.task) for h in card.heads)
    heads = "; ".join(
        f"{named(h.task)} ({h.kind}, {len(h.labels) if h.labels else 1})" for h in card.heads
    )
    fitted = {h.task: card.calibration[h.task] for h in card.heads if h.task in card.calibration}
    temperatures = ", ".join(f"{named(k)} {v:.2f}" for k, v in fitted.items())
    rows = {
        "parameters": f"{parameters:,}",
        "heads": heads,
        "numbers": "8-bit integers (INT8), their ranges from training pictures"
        if card.precision == "int8"
        else "32-bit floats",
        "temperatures, fitted on validation": temperatures or "none",
        "trained": f"{card.recipe.get('epochs', '?')} epochs in its last stage, batch {card.recipe.get('batch', '?')}, by validation",
        "recipe": "stored in the model's metadata; how to train it again: README, *Retrain*",
        "created": card.created,
        "licence": card.licence,
    }
    table = "\n".join(f"| {k} | {v} |" for k, v in rows.items())
    side = card.input.size
    return f"Reads {reads} from one aligned {side}x{side} {colours} face crop.\n\n| | |\n|---|---|\n{table}\n"


def _title(metric: str) -> str:
    return metric.replace("gender", "perceived gender").replace("_", " ")


def _figures(card: Card) -> str:
    rows = [m for m in card.metrics if not m.get("group") and m["metric"] not in ELSEWHERE]
    if not rows:
        return "## Figures\n\nNone: exported without data.\n"
    lines = [
        "## Figures, on validation parts\n",
        "| data | part | figure | value | 95 % interval | n |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {m['data']} | {m['split']} | {_title(m['metric'])} | {_value(m)} | {m['n']:,} |"
        for m in rows
    ]
    return "\n".join(lines) + "\n"


def _rounding(card: Card) -> str:
    """Of a network that learnt to round: what that cost against the float32 network it began as."""
    if not card.recipe.get("qat") or not card.metrics:
        return ""
    own = {(m["data"], m["split"], m["metric"]): m for m in card.metrics if not m.get("group")}
    rows = []
    for (data, split, metric), m in own.items():
        if (before := own.get((data, split, BEFORE.format(metric)))) is not None:
            rows.append(
                f"| {data} | {split} | {_title(metric)} | {_value(before)} | {_value(m)} | {m['n']:,} |"
            )
    head = "## What 8 bits cost\n\n"
    if not rows:
        return f"{head}Not measured: the float32 network that its training began with was not at hand, or is not of its form.\n"
    lines = [
        f"{head}Against the float32 network that its training began with, calibrated and measured alike on the same pictures. Over all "
        f"data sets it may lose {100 * MAX_INT8_LOSS['emotion_accuracy']:g} points of accuracy and {MAX_INT8_LOSS['age_mae']:g} years; with fewer than "
        f"{MIN_JUDGED_SAMPLES} pictures a loss is told and not judged.\n",
        "| data | part | figure | float32 | 95 % interval | 8 bits | 95 % interval | n |",
        "|---|---|---|---|---|---|---|---|",
    ]
    return "\n".join([*lines, *rows]) + "\n"


def _answers(card: Card) -> str:
    """From where answers are given, and what that buys."""
    rows = [
        (task, {m["metric"]: m for m in card.metrics})
        for task in ("emotion", "gender", "age")
        if task in card.thresholds
    ]
    if not rows:
        return ""
    lines = [
        f"## When it says *uncertain*\n\nAn emotion or perceived gender is answered from the lowest probability from which on "
        f"{100 * CARD_PRECISION:.0f} % of the answers are right even by the lower end of the 95 % interval, never under {100 * MIN_THRESHOLD:.0f} %, "
        "where an answer is nearer to a toss. What that buys is measured cross-fitted: the limit for each half of the pictures was chosen "
        "on the other half.\n",
        "| answer | given | share answered | 95 % interval | n | right, of these | 95 % interval | n |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {named(task)} | {_given(task, card.thresholds[task])} | {_cells(task, by)} |"
        for task, by in rows
    ]
    if (unsure := {m["metric"]: m for m in card.metrics}.get(MAE_UNSURE)) is not None:
        lines.append(
            f"\nThe ages called uncertain are off by {_text(unsure)} years (n {unsure['n']:,})."
        )
    return "\n".join(lines) + "\n"


def _given(task: str, limit: float) -> str:
    if task == "age":
        return f"intervals up to {limit:.0f} years wide"
    if limit >= 1:
        return f"never: no limit reaches {100 * CARD_PRECISION:.0f} %"
    return f"from {100 * limit:.1f} %" + (
        f"; {100 * CARD_PRECISION:.0f} % is reached before" if limit <= MIN_THRESHOLD else ""
    )


def _cells(task: str, by: Mapping[str, Mapping[str, Any]]) -> str:
    share, right = (
        by.get(ANSWERED.format(task)),
        by.get(MAE if task == "age" else ACCURACY.format(task)),
    )
    first = f"{_value(share)} | {share['n']:,}" if share else " | | "
    if right is None:
        return f"{first} | | | "
    value = (
        f"off by {right['value']:.2f} years | {_ends(right, '.2f')}"
        if task == "age"
        else _value(right)
    )
    return f"{first} | {value} | {right['n']:,}"


def _intervals(card: Card) -> str:
    """How far the age intervals hold, over all and by decade."""
    rows = {m.get("group", ""): m for m in card.metrics if m["metric"] == CROSSED}
    spans = {m.get("group", ""): m for m in card.metrics if m["metric"] == SPAN}
    if not rows:
        return ""
    lines = [
        f"## Age intervals\n\nMeant to hold {100 * INTERVAL_COVERAGE:.0f} % of the people of every true age (`core/age_intervals.py`), measured crosswise: "
        "each half of the people with the factors of the other half. Sorted by the age that the model says instead, they hold more often "
        "here and less often there.\n",
        "| people | n | inside | 95 % interval | mean width, years |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {name or 'all'} | {m['n']:,} | {_value(m)} | {spans[name]['value']:.1f} |"
        for name, m in rows.items()
    ]
    return "\n".join(lines) + "\n"


def _text(m: Mapping[str, Any]) -> str:
    return f"{m['value']:.2f}" + (f" ({_ends(m, '.2f')})" if m.get("ci95") else "")


def _ends(m: Mapping[str, Any], form: str, scale: int = 1) -> str:
    """An interval as text; "" where the figure has none."""
    return " to ".join(f"{scale * end:{form}}" for end in m.get("ci95") or ())


def _groups(card: Card) -> str:
    rows = [m for m in card.metrics if m.get("group") and m["metric"] not in ELSEWHERE]
    if not rows:
        return ""
    by_group: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = {}
    told: dict[str, set[str]] = {}  # a kind of group -> the data sets that tell it
    for m in rows:
        by_group.setdefault((m["data"], m["group"]), {})[m["metric"]] = m
        told.setdefault(kind(m["group"]), set()).add(m["data"])
    names = list(dict.fromkeys(m["metric"] for m in rows))
    titles = " | ".join(f"{_title(n)} | 95 % interval" for n in names)
    lines = [
        "## Figures by group\n",
        f"{of_groups(rows)}\n",
        f"| group | n | {titles} |",
        "|---|---|" + "---|---|" * len(names),
    ]
    for (data, group), values in by_group.items():
        cells = " | ".join(_value(values[n]) if n in values else " | " for n in names)
        where = f" ({data})" if len(told[kind(group)]) > 1 else ""
        lines.append(f"| {group}{where} | {next(iter(values.values()))['n']:,} | {cells} |")
    return "\n".join(lines) + "\n"


def _value(m: Mapping[str, Any]) -> str:
    if "years" in m["metric"]:
        return f"{m['value']:.2f} | {_ends(m, '.2f')}"
    if m["metric"] == "expected_calibration_error" or "macro" in m["metric"]:
        return f"{m['value']:.3f} | {_ends(m, '.3f')}"
    spread = _ends(m, ".2f", 100)
    return f"{100 * m['value']:.2f} % | {spread}{' %' if spread else ''}"


def _findings(card: Card) -> str:
    lines = card.recipe.get("findings") or ()
    return (
        "\n".join(
            ["## What its training was compared with\n", *(f"- {line}" for line in lines), ""]
        )
        if lines
        else ""
    )


def _data(card: Card) -> str:
    lines = [
        "## Data\n",
        "| name | part | pictures | SHA-256 of names and bytes |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {d['name']} | {d['split']} | {d['n']:,} | `{d['fingerprint'][:16]}...` |"
        for d in card.data
    ]
    return "\n".join([*lines, ""] if card.data else lines[:1]) + f"\n{of_data(card)}\n"
