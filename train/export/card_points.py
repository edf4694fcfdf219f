"""The sections of a model card on operating points, and on what is not given.

`train.export.operating_points` measures the figures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from core.artifacts.card import Card
from core.artifacts.card_rows import MetricRow
from core.artifacts.operating_point import ACCURACY
from core.types import UNCLEAR_AGE_YEARS
from evaluation.report.markdown import table
from train.export.card_metric import figure_text

OF_POINT = "@"
"""Stands in a metric's name before the operating point, or the kind of figure, that it is of."""
LEFT_OUT = "left out"
"""The part of a data set whose predictions are those of a network that was trained without it."""
WITHHELD_AGE = "predicted age"
ByData = Mapping[tuple[str, str], Mapping[str, MetricRow]]
"""Data set and part -> metric -> its row."""


def point_sections(card: Card) -> Iterator[str]:
    """Yield the sections; none of a card without operating points."""
    if not card.operating_points:
        return
    rows = [row for row in card.metrics if OF_POINT in row["metric"]]
    by_data: dict[tuple[str, str], dict[str, MetricRow]] = {}
    for row in rows:
        if not row.get("group"):
            by_data.setdefault((row["data"], row["split"]), {})[row["metric"]] = row
    yield _points(card, by_data)
    if card.gender_from_age:
        yield _children(card, rows, by_data)
    yield _wider_intervals(card, by_data)


def _points(card: Card, by_data: ByData) -> str:
    """Return the section on the points that differ in probabilities, with their figures."""
    metrics = {
        "accuracy": "accuracy",
        "mean recall": "mean_recall",
        "ECE": "expected_calibration_error",
        "coverage": "answered",
        "right, of these": "accuracy_of_answers",
    }
    values = next(v for v in by_data.values() if f"emotion_accuracy{OF_POINT}{ACCURACY}" in v)
    # A point that differs in age intervals alone has no figures of emotion of its own.
    adjusted = [n for n in card.operating_points if f"emotion_accuracy{OF_POINT}{n}" in values]
    cells = []
    for name in (ACCURACY, *adjusted):
        at, point = card.at(name), card.operating_points.get(name)
        strength = point.strengths["emotion"] if point else 0.0
        cells.append(
            (
                f"*{name}*",
                f"{strength:g}",
                f"{at.calibration['emotion']:.2f}",
                f"{100 * at.thresholds['emotion']:.1f} %",
                *(_cell(values.get(f"emotion_{m}{OF_POINT}{name}")) for m in metrics.values()),
            )
        )
    columns = ("point", "strength", "temperature", "uncertain below", *metrics)
    priors = {
        task: ", ".join(f"{label} {100 * prior[label]:.1f} %" for label in card.labels(task))
        for task, prior in card.priors.items()
    }
    adjust = " and ".join(f"*{name}*" for name in adjusted)
    adjust += " subtracts" if len(adjusted) == 1 else " subtract"
    wider = ""
    for name in _with_own_intervals(card, by_data):
        base = _base(card, adjusted, name)
        is_base = "has" if base == name else f"is *{base}* with"
        wider += f" *{name}* {is_base} wider age intervals, see below."
    return (
        "## Operating points\n\n"
        "*accuracy* is the network as trained; `python -m evaluation predict` uses it unless told "
        f"otherwise, and all figures above are of it. *{card.operating_point}* is the default of "
        "whatever reads faces: the demo, its API, `core.pipeline`. A network learns with its data "
        "set how frequent each class is there, and a webcam's visitor is not drawn from that data "
        f"set; {adjust} strength x log prior from the logits of emotion "
        "(arXiv 2007.07314). The strength is the one of the highest mean recall that costs "
        "at most two points of accuracy; its figures are cross-fitted on halves. Temperature and "
        f"threshold were fitted for each point.{wider}\n\n"
        f"{table(columns, cells)}\n\n"
        f"Training prior of emotion (mean of the soft labels): {priors['emotion']}. Of "
        f"perceived gender, which is not corrected: {priors.get('gender', 'not known')}.\n"
    )


def _with_own_intervals(card: Card, by_data: ByData) -> dict[str, tuple[str, MetricRow]]:
    """Return the points with age intervals of their own, each with its data and figure there."""
    return {
        name: (data, values[row])
        for name in card.operating_points
        for (data, _), values in by_data.items()
        if (row := f"age_inside{OF_POINT}{name}_cross_fitted") in values
    }


def _base(card: Card, adjusted: Sequence[str], name: str) -> str:
    """Return the point that predicts emotions as `name` does."""
    points = card.operating_points
    same = [n for n in adjusted if points[n].strengths == points[name].strengths]
    return same[0] if same else ACCURACY


def _children(card: Card, rows: list[MetricRow], by_data: ByData) -> str:
    years = [r for r in rows if r.get("group", "").startswith(WITHHELD_AGE)]
    given = [
        (
            data,
            part,
            *(_cell(v[f"gender_{m}{OF_POINT}given"]) for m in ("accuracy", "given", "right")),
        )
        for (data, part), v in by_data.items()
        if f"gender_given{OF_POINT}given" in v
    ]
    cells = [(r["group"].partition(": ")[2], f"{r['n']:,}", *figure_text(r)) for r in years]
    return (
        "## Perceived gender of small children\n\n"
        f"It is **not given** where the predicted age is under {card.gender_from_age:g} years: "
        "of these faces together, it is right in fewer than three of four. Tables keep the "
        "probabilities and mark the row (`gender_abstained`). By predicted age, in whole years, "
        f"{years[0]['data']} ({years[0]['split']}):\n\n"
        f"{table(('predicted age', 'n', 'right', '95 % interval'), cells)}\n\n"
        f"{table(('data', 'part', 'right, all', 'given', 'right, of these'), given)}\n"
    )


def _wider_intervals(card: Card, by_data: ByData) -> str:
    """Return the section on the points with age intervals of their own."""
    text = (
        "## Age intervals on pictures from elsewhere\n\n"
        "The interval was calibrated on the validation parts of the training data sets; on other "
        "pictures it holds the true age less often. "
    )
    sections = []
    columns = ("data", "part", "holds", "holds if wider", "age unclear", "unclear if wider")
    for point, (fitted_on, fitted) in _with_own_intervals(card, by_data).items():
        factor = card.operating_points[point].interval_factor
        names = [
            f"{kind}{OF_POINT}{name}"
            for kind in ("age_inside", f"age_over_{UNCLEAR_AGE_YEARS:g}_wide")
            for name in (ACCURACY, point)
        ]
        cells = [
            (data, part, *(_cell(v.get(name)) for name in names))
            for (data, part), v in by_data.items()
            if names[0] in v
        ]
        sections.append(
            f"Intervals {factor:g} times as wide to either side (`--operating-point {point}`) "
            f"hold 80 % on {fitted_on}; cross-fitted {_cell(fitted)}. {_left_out(by_data)}"
            "The default keeps the narrower one, as the wider calls more ages *unclear* (over "
            f"{UNCLEAR_AGE_YEARS:g} years); docs/training.md has the figures by age. A true age "
            "that is a range counts as held where the interval meets it.\n\n"
            f"{table(columns, cells)}\n"
        )
    return text + "\n".join(sections)


def _left_out(by_data: ByData) -> str:
    names = [data for data, part in by_data if part == LEFT_OUT]
    if not names:
        return ""
    return (
        f"*{LEFT_OUT}*: by a network that was trained without that data set ({', '.join(names)}), "
        "by a shorter training of the same recipe. "
    )


def _cell(row: MetricRow | None) -> str:
    if row is None:
        return ""
    value, interval = figure_text(row)
    return f"{value} ({interval.removesuffix(' %')})" if interval else value
