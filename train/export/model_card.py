"""The model card in Markdown (Mitchell et al., arXiv 1810.03993), from the card in the bundle.

Every figure in it was measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from core.artifacts.card import Card
from core.artifacts.card_rows import MetricRow
from core.calibration import INTERVAL_COVERAGE
from core.vocabulary import TASKS, count_of
from evaluation.analysis.thresholds import CARD_PRECISION, MIN_THRESHOLD
from evaluation.report.markdown import table
from train.export.card_metric import figure_text
from train.export.card_points import OF_POINT, point_sections
from train.export.card_texts import HARD_FACES, INTENDED_USE, ON_VALIDATION, SMALL_GROUPS
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

INTERVAL = "95 % interval"


def describe(card: Card, parameters: int) -> str:
    """Return `card.md` of a bundle.

    Args:
        card: from the model file.
        parameters: of the network as it is served.
    """
    rows = [m for m in card.metrics if OF_POINT not in m["metric"]]
    sections = (
        f"# {card.name} {card.version}\n",
        _summary(card, parameters),
        _figures(rows),
        _quantisation(card, rows),
        _abstention(card, rows),
        _intervals(rows),
        *point_sections(card),
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
    lines += [SMALL_GROUPS] if any(row.get("group", "") for row in card.metrics) else []
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
    duration = (
        f"at most {count_of(epochs, 'epoch')}"
        if isinstance(epochs, int)
        else "an unknown number of epochs"
    )
    properties = {
        "parameters": f"{parameters:,}",
        "heads": heads,
        **_class_order(card),
        "numbers": precision,
        "temperatures, fitted on validation": temperatures or "none",
        "trained": f"{duration} in its last stage, batch {batch}, selected on validation",
        "recipe": "stored in the model's metadata; how to train it again: docs/training.md",
        "created": card.created,
        "licence": card.licence,
    }
    side = card.input.size
    aligned = "aligned " if card.input.align else ""
    return (
        f"Reads {tasks} from one {aligned}{side}x{side} {colours} face crop.\n\n"
        f"{table(('', ''), properties.items())}\n"
    )


def _class_order(card: Card) -> dict[str, str]:
    """Return the classes of each head that has some, as `0 female, 1 male`."""
    return {
        f"{TASKS[head.task].name}, columns in the file": ", ".join(
            f"{i} {label}" for i, label in enumerate(head.labels)
        )
        for head in card.heads
        if head.task != "age"
    }


def _title(metric: str) -> str:
    return metric.replace("gender", "perceived gender").replace("_", " ")


def _figures(rows: Iterable[MetricRow]) -> str:
    overall = [m for m in rows if not m.get("group") and m["metric"] not in OTHER_TABLES]
    if not overall:
        return "## Figures\n\nNone: exported without data.\n"
    columns = ("data", "part", "figure", "value", INTERVAL, "n")
    cells = [(m["data"], m["split"], _title(m["metric"]), *figure_text(m), _n(m)) for m in overall]
    return f"## Figures, on validation parts\n\n{table(columns, cells)}\n"


def _quantisation(card: Card, rows: Iterable[MetricRow]) -> str:
    """Return what quantisation-aware training cost against the float32 network before it."""
    if not card.recipe.get("qat") or not card.metrics:
        return ""
    overall = {(m["data"], m["split"], m["metric"]): m for m in rows if not m.get("group")}
    cells = [
        (data, split, _title(metric), *figure_text(float32), *figure_text(m), _n(m))
        for (data, split, metric), m in overall.items()
        if (float32 := overall.get((data, split, FLOAT32_METRIC.format(metric)))) is not None
    ]
    head = "## What 8 bits cost\n\n"
    if not cells:
        return (
            f"{head}Not measured: the float32 network that its training started from was not at "
            "hand, or is not of its form.\n"
        )
    columns = ("data", "part", "figure", "float32", INTERVAL, "8 bits", INTERVAL, "n")
    return (
        f"{head}Against the float32 network that its training started from, calibrated and "
        "measured alike on the same pictures. Over all data sets it may lose "
        f"{100 * MAX_INT8_LOSS['emotion_accuracy']:g} points of accuracy and "
        f"{MAX_INT8_LOSS['age_mae']:g} years; with fewer than {MIN_JUDGED_SAMPLES} pictures a loss "
        f"is shown and not judged.\n\n{table(columns, cells)}\n"
    )


def _abstention(card: Card, rows: Iterable[MetricRow]) -> str:
    """Return the thresholds, and how good the predictions above them are."""
    tasks = [task for task in TASKS if task in card.thresholds]
    if not tasks:
        return ""
    by_metric = {m["metric"]: m for m in rows}
    columns = ("task", "threshold", "coverage", INTERVAL, "n", "right, of these", INTERVAL, "n")
    cells = [
        (TASKS[t].name, _threshold(t, card.thresholds[t]), *_selective_cells(t, by_metric))
        for t in tasks
    ]
    text = (
        "## When it says *uncertain*\n\nA prediction whose confidence is below a threshold is "
        "called *uncertain*. The threshold of emotion and perceived gender is the "
        f"lowest confidence from which on {100 * CARD_PRECISION:.0f} % of the predictions are "
        "right even by the lower end of the 95 % interval, and never under "
        f"{100 * MIN_THRESHOLD:.0f} %. Coverage and accuracy are cross-fitted: the threshold for "
        "each half of the pictures was chosen on the other half.\n\n"
        f"{table(columns, cells)}\n"
    )
    if (abstained := by_metric.get(ABSTAINED_MAE)) is not None:
        value, interval = figure_text(abstained)
        text += f"\nThe ages called uncertain are off by {value}"
        text += f"{f' ({interval})' if interval else ''} years (n {_n(abstained)}).\n"
    return text


def _threshold(task: str, threshold: float) -> str:
    if task == "age":
        return f"intervals up to {threshold:.0f} years wide"
    if threshold >= 1:
        return f"never: no threshold reaches {100 * CARD_PRECISION:.0f} %"
    lowest = (
        f" (the lowest allowed; {100 * CARD_PRECISION:.0f} % is reached below it)"
        if threshold <= MIN_THRESHOLD
        else ""
    )
    return f"from {100 * threshold:.1f} %{lowest}"


def _selective_cells(task: str, by_metric: Mapping[str, MetricRow]) -> tuple[str, ...]:
    """Return coverage and figure of the predictions above the threshold; empty if unknown."""
    coverage = by_metric.get(COVERAGE.format(task))
    metric = SELECTIVE_MAE if task == "age" else SELECTIVE_ACCURACY.format(task)
    figure = by_metric.get(metric)
    first = (*figure_text(coverage), _n(coverage)) if coverage else ("", "", "")
    if figure is None:
        return (*first, "", "", "")
    value, interval = figure_text(figure)
    return (*first, f"off by {value} years" if task == "age" else value, interval, _n(figure))


def _intervals(rows: Iterable[MetricRow]) -> str:
    """Return how far the age intervals hold, over all and by decade."""
    coverage, widths = (
        {m.get("group", ""): m for m in rows if m["metric"] == metric}
        for metric in (CROSS_FITTED_COVERAGE, INTERVAL_WIDTH)
    )
    if not coverage:
        return ""
    columns = ("people", "n", "inside", INTERVAL, "mean width, years")
    cells = [
        (group or "all", _n(m), *figure_text(m), f"{widths[group]['value']:.1f}")
        for group, m in coverage.items()
    ]
    return (
        f"## Age intervals\n\nThe intervals should hold {100 * INTERVAL_COVERAGE:.0f} % of the "
        "people of every true age (`core/age_intervals.py`). Measured cross-fitted: each half of "
        "the people with the factors of the other half. Grouped by *predicted* age, they hold more "
        f"often in some decades and less often in others.\n\n{table(columns, cells)}\n"
    )


def _groups(rows: Iterable[MetricRow]) -> str:
    grouped = [m for m in rows if m.get("group") and m["metric"] not in OTHER_TABLES]
    if not grouped:
        return ""
    by_group: dict[tuple[str, str], dict[str, MetricRow]] = {}
    data_of_kind: dict[str, set[str]] = {}
    for m in grouped:
        by_group.setdefault((m["data"], m["group"]), {})[m["metric"]] = m
        data_of_kind.setdefault(group_kind(m["group"]), set()).add(m["data"])
    metrics = list(dict.fromkeys(m["metric"] for m in grouped))
    columns = ("group", "n", *(title for m in metrics for title in (_title(m), INTERVAL)))
    cells = []
    for (data, group), values in by_group.items():
        where = f" ({data})" if len(data_of_kind[group_kind(group)]) > 1 else ""
        figures = [
            c for m in metrics for c in (figure_text(values[m]) if m in values else ("", ""))
        ]
        cells.append((f"{group}{where}", _n(next(iter(values.values()))), *figures))
    return f"## Figures by group\n\n{group_sentence(grouped)}\n\n{table(columns, cells)}\n"


def _n(row: MetricRow) -> str:
    return f"{row['n']:,}"


def _findings(card: Card) -> str:
    findings = [f"- {sentence}\n" for sentence in card.recipe.get("findings") or ()]
    return f"## What its training was compared with\n\n{''.join(findings)}" if findings else ""


def _data(card: Card) -> str:
    columns = ("name", "part", "pictures", "SHA-256 of names and bytes")
    cells = [
        (d["name"], d["split"], f"{d['n']:,}", f"`{d['fingerprint'][:16]}...`") for d in card.data
    ]
    listing = f"{table(columns, cells)}\n" if cells else ""
    return f"## Data\n\n{listing}\n{data_sentence(card)}\n"
