"""The model card in Markdown (Mitchell et al., arXiv 1810.03993), from the card in the bundle.

Every figure in it was measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from core.artifacts.card import Card
from core.calibration import INTERVAL_COVERAGE
from core.vocabulary import TASKS
from evaluation.analysis.thresholds import CARD_PRECISION, MIN_THRESHOLD
from train.export.card_metric import CardMetric, card_metrics
from train.export.int8_loss import MAX_INT8_LOSS, MIN_JUDGED_SAMPLES
from train.export.provenance import (
    data_sentence,
    group_kind,
    group_sentence,
    join_words,
    label_sentences,
)
from train.export.thresholds import (
    ABSTAINED_MAE,
    COVERAGE,
    CROSS_FITTED_COVERAGE,
    INTERVAL_WIDTH,
    SELECTIVE_ACCURACY,
    SELECTIVE_MAE,
)
from train.runs.card_metrics import CARD_METRICS

FLOAT32_METRIC = "{}_of_the_float32_network_before"
"""A figure of the float32 network that a quantised one started from, on the same samples."""
OTHER_TABLES = {
    CROSS_FITTED_COVERAGE,
    INTERVAL_WIDTH,
    SELECTIVE_MAE,
    ABSTAINED_MAE,
    *(metric.format(task) for metric in (COVERAGE, SELECTIVE_ACCURACY) for task in TASKS),
    *map(FLOAT32_METRIC.format, CARD_METRICS.values()),
}
"""Figures that have a table of their own."""

INTENDED_USE = """## What it is for

Research and demonstration on faces of people who have agreed to it: trying out a webcam demo,
studying where such models fail, teaching.

## What it must not be used for

- **Decisions about people**: hiring, access, credit, policing, insurance, medicine, age checks with
  consequences.
- **Emotion inference at work or in education**: forbidden in the European Union (Regulation (EU)
  2024/1689, Article 5(1)(f)), and wrong elsewhere too.
- **Anyone who has not agreed**, or who cannot.
- **Identifying anyone**, or tracking people across pictures.
"""

ON_VALIDATION = """\
- The figures above were measured on **validation** data, which also selected the checkpoint, the
  temperatures and the thresholds: expect somewhat lower figures on unseen data."""
SMALL_GROUPS = (
    "- Groups with few pictures have wide intervals; a difference between two groups whose "
    "intervals overlap may be chance."
)
HARD_FACES = (
    "- The demo abstains on faces under 24 pixels, in the dark, blurred, or turned away: it shows "
    "no prediction."
)


def describe(card: Card, parameters: int) -> str:
    """Return `card.md` of a bundle.

    Args:
        card: from the model file.
        parameters: of the network as it is served.
    """
    rows = card_metrics(card)
    sections = (
        f"# {card.name} {card.version}\n",
        _summary(card, parameters),
        _figures(rows),
        _quantisation(card, rows),
        _abstention(card, rows),
        _intervals(rows),
        _groups(rows),
        _findings(card),
        INTENDED_USE,
        limits(card),
        _data(card),
    )
    return "\n".join(section for section in sections if section)


def limits(card: Card) -> str:
    """Return what the predictions and figures of a card's model do not say."""
    lines = [f"- {sentence}" for sentence in label_sentences(card)]
    lines += [ON_VALIDATION] if card.metrics else []
    lines += [SMALL_GROUPS] if any(row.group for row in card_metrics(card)) else []
    return "\n".join(["## Limits\n", *lines, HARD_FACES, ""])


def _summary(card: Card, parameters: int) -> str:
    colours = "grey" if card.input.channels == 1 else "RGB"
    tasks = join_words(TASKS[h.task].name for h in card.heads)
    heads = "; ".join(f"{TASKS[h.task].name} ({h.kind}, {len(h.labels) or 1})" for h in card.heads)
    temperatures = ", ".join(
        f"{TASKS[h.task].name} {card.calibration[h.task]:.2f}"
        for h in card.heads
        if h.task in card.calibration
    )
    precision = "32-bit floats"
    if card.precision == "int8":
        precision = "8-bit integers (INT8), their ranges from training pictures"
    epochs, batch = (card.recipe.get(name, "?") for name in ("epochs", "batch"))
    properties = {
        "parameters": f"{parameters:,}",
        "heads": heads,
        "numbers": precision,
        "temperatures, fitted on validation": temperatures or "none",
        "trained": f"{epochs} epochs in its last stage, batch {batch}, selected on validation",
        "recipe": "stored in the model's metadata; how to train it again: docs/training.md",
        "created": card.created,
        "licence": card.licence,
    }
    table = "\n".join(f"| {name} | {value} |" for name, value in properties.items())
    side = card.input.size
    return (
        f"Reads {tasks} from one aligned {side}x{side} {colours} face crop.\n\n"
        f"| | |\n|---|---|\n{table}\n"
    )


def _title(metric: str) -> str:
    return metric.replace("gender", "perceived gender").replace("_", " ")


def _figures(rows: Iterable[CardMetric]) -> str:
    overall = [m for m in rows if not m.group and m.metric not in OTHER_TABLES]
    if not overall:
        return "## Figures\n\nNone: exported without data.\n"
    lines = [
        "## Figures, on validation parts\n",
        "| data | part | figure | value | 95 % interval | n |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {m.data} | {m.split} | {_title(m.metric)} | {_value(m)} | {m.n:,} |" for m in overall
    ]
    return "\n".join(lines) + "\n"


def _quantisation(card: Card, rows: Iterable[CardMetric]) -> str:
    """What quantisation-aware training cost against the float32 network that it started from."""
    if not card.recipe.get("qat") or not card.metrics:
        return ""
    overall = {(m.data, m.split, m.metric): m for m in rows if not m.group}
    lines = []
    for (data, split, metric), m in overall.items():
        float32 = overall.get((data, split, FLOAT32_METRIC.format(metric)))
        if float32 is not None:
            cells = f"{_value(float32)} | {_value(m)} | {m.n:,}"
            lines.append(f"| {data} | {split} | {_title(metric)} | {cells} |")
    head = "## What 8 bits cost\n\n"
    if not lines:
        return (
            f"{head}Not measured: the float32 network that its training started from was not at "
            "hand, or is not of its form.\n"
        )
    intro = (
        f"{head}Against the float32 network that its training started from, calibrated and "
        "measured alike on the same pictures. Over all data sets it may lose "
        f"{100 * MAX_INT8_LOSS['emotion_accuracy']:g} points of accuracy and "
        f"{MAX_INT8_LOSS['age_mae']:g} years; with fewer than {MIN_JUDGED_SAMPLES} pictures a loss "
        "is shown and not judged.\n"
    )
    columns = [
        "| data | part | figure | float32 | 95 % interval | 8 bits | 95 % interval | n |",
        "|---|---|---|---|---|---|---|---|",
    ]
    return "\n".join([intro, *columns, *lines]) + "\n"


def _abstention(card: Card, rows: Iterable[CardMetric]) -> str:
    """The thresholds, and what abstaining below them buys."""
    tasks = [task for task in TASKS if task in card.thresholds]
    if not tasks:
        return ""
    by_metric = {m.metric: m for m in rows}
    lines = [
        "## When it says *uncertain*\n\nThe model abstains (selective prediction) where its "
        "confidence is below a threshold. The threshold of emotion and perceived gender is the "
        f"lowest confidence from which on {100 * CARD_PRECISION:.0f} % of the predictions are "
        "right even by the lower end of the 95 % interval, and never under "
        f"{100 * MIN_THRESHOLD:.0f} %. Coverage and accuracy are cross-fitted: the threshold for "
        "each half of the pictures was chosen on the other half.\n",
        "| task | threshold | coverage | 95 % interval | n | right, of these | 95 % interval | n |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for task in tasks:
        threshold = _threshold(task, card.thresholds[task])
        lines.append(f"| {TASKS[task].name} | {threshold} | {_selective_cells(task, by_metric)} |")
    if (abstained := by_metric.get(ABSTAINED_MAE)) is not None:
        interval = f" ({_ends(abstained, '.2f')})" if abstained.ci95 else ""
        lines.append(
            f"\nThe ages called uncertain are off by {abstained.value:.2f}{interval} years "
            f"(n {abstained.n:,})."
        )
    return "\n".join(lines) + "\n"


def _threshold(task: str, threshold: float) -> str:
    if task == "age":
        return f"intervals up to {threshold:.0f} years wide"
    if threshold >= 1:
        return f"never: no threshold reaches {100 * CARD_PRECISION:.0f} %"
    floor = (
        f"; {100 * CARD_PRECISION:.0f} % is reached before" if threshold <= MIN_THRESHOLD else ""
    )
    return f"from {100 * threshold:.1f} %{floor}"


def _selective_cells(task: str, by_metric: Mapping[str, CardMetric]) -> str:
    coverage = by_metric.get(COVERAGE.format(task))
    metric = SELECTIVE_MAE if task == "age" else SELECTIVE_ACCURACY.format(task)
    figure = by_metric.get(metric)
    first = f"{_value(coverage)} | {coverage.n:,}" if coverage else " | | "
    if figure is None:
        return f"{first} | | | "
    value = _value(figure)
    if task == "age":
        value = f"off by {figure.value:.2f} years | {_ends(figure, '.2f')}"
    return f"{first} | {value} | {figure.n:,}"


def _intervals(rows: Iterable[CardMetric]) -> str:
    """How far the age intervals hold, over all and by decade."""
    rows = list(rows)
    coverage = {m.group: m for m in rows if m.metric == CROSS_FITTED_COVERAGE}
    widths = {m.group: m for m in rows if m.metric == INTERVAL_WIDTH}
    if not coverage:
        return ""
    lines = [
        f"## Age intervals\n\nThe intervals should hold {100 * INTERVAL_COVERAGE:.0f} % of the "
        "people of every true age (`core/age_intervals.py`). Measured cross-fitted: each half of "
        "the people with the factors of the other half. Grouped by *predicted* age, they hold more "
        "often in some decades and less often in others.\n",
        "| people | n | inside | 95 % interval | mean width, years |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {group or 'all'} | {m.n:,} | {_value(m)} | {widths[group].value:.1f} |"
        for group, m in coverage.items()
    ]
    return "\n".join(lines) + "\n"


def _ends(row: CardMetric, form: str, scale: int = 1) -> str:
    """An interval as text; "" where the figure has none."""
    return " to ".join(f"{scale * end:{form}}" for end in row.ci95 or ())


def _groups(rows: Iterable[CardMetric]) -> str:
    grouped = [m for m in rows if m.group and m.metric not in OTHER_TABLES]
    if not grouped:
        return ""
    by_group: dict[tuple[str, str], dict[str, CardMetric]] = {}
    data_of_kind: dict[str, set[str]] = {}
    for m in grouped:
        by_group.setdefault((m.data, m.group), {})[m.metric] = m
        data_of_kind.setdefault(group_kind(m.group), set()).add(m.data)
    metrics = list(dict.fromkeys(m.metric for m in grouped))
    titles = " | ".join(f"{_title(metric)} | 95 % interval" for metric in metrics)
    lines = [
        "## Figures by group\n",
        f"{group_sentence(grouped)}\n",
        f"| group | n | {titles} |",
        "|---|---|" + "---|---|" * len(metrics),
    ]
    for (data, group), values in by_group.items():
        cells = " | ".join(_value(values[m]) if m in values else " | " for m in metrics)
        where = f" ({data})" if len(data_of_kind[group_kind(group)]) > 1 else ""
        lines.append(f"| {group}{where} | {next(iter(values.values())).n:,} | {cells} |")
    return "\n".join(lines) + "\n"


def _value(row: CardMetric) -> str:
    if "years" in row.metric:
        return f"{row.value:.2f} | {_ends(row, '.2f')}"
    if row.metric == "expected_calibration_error" or "macro" in row.metric:
        return f"{row.value:.3f} | {_ends(row, '.3f')}"
    if row.value is None:
        return "- | "
    interval = _ends(row, ".2f", 100)
    return f"{100 * row.value:.2f} % | {interval}{' %' if interval else ''}"


def _findings(card: Card) -> str:
    sentences = card.recipe.get("findings") or ()
    if not sentences:
        return ""
    return "\n".join(
        ["## What its training was compared with\n", *(f"- {line}" for line in sentences), ""]
    )


def _data(card: Card) -> str:
    lines = ["## Data\n"]
    if card.data:
        lines += ["| name | part | pictures | SHA-256 of names and bytes |", "|---|---|---|---|"]
        lines += [
            f"| {d['name']} | {d['split']} | {d['n']:,} | `{d['fingerprint'][:16]}...` |"
            for d in card.data
        ]
        lines.append("")
    return "\n".join(lines) + f"\n{data_sentence(card)}\n"
