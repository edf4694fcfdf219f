"""From where a model's answers are to be given, and how far its age intervals hold: what a card
says of being unsure, cross-fitted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from core.artifacts.card import Card
from core.calibration import INTERVAL_COVERAGE
from core.labels import age_decade
from evaluation.analysis.thresholds import single_threshold
from evaluation.metrics.regression import BANDS, WIDTH, bands
from evaluation.predictions import arrays
from evaluation.statistics.estimate import Estimate
from evaluation.statistics.sample import Sample
from train.batches.data import DatasetPart
from train.export.calibrate import crossed, truths

Row = dict[str, Any]
Raw = dict[str, np.ndarray]
LEAST = 10
"""Groups of fewer samples get no figure of their own."""
ENOUGH = 100
"""Samples from which on a limit is chosen at all; with fewer, the card has none."""
WIDE = 40.0
"""Years of an interval over which an age is uncertain: it hardly tells young from old. Not fitted:
a limit chosen so that wider ones are off by ten years did not keep that promise on other people,
and called half of those over fifty uncertain.
"""
ANSWERED, ACCURACY = "{}_answered", "{}_accuracy_of_answers"
MAE, MAE_UNSURE = (
    "age_mean_absolute_error_years_of_answers",
    "age_mean_absolute_error_years_of_uncertain",
)
HELD = f"age_inside_its_{round(100 * INTERVAL_COVERAGE)}_percent_interval"
CROSSED = f"{HELD}_cross_fitted"
SPAN = "age_mean_interval_width_years"
TRUE, SAID = "age", "predicted age"
"""Groups by decade: of the true age, and of the one that the model says."""


@dataclass(frozen=True, slots=True)
class Limits:
    """A card's thresholds and the figures that go with them."""

    thresholds: dict[str, float]
    rows: list[Row]


def limits(parts: Sequence[DatasetPart], tables: Sequence[pa.Table]) -> Limits:
    """The probability from which emotion and perceived gender are to be answered; see
    `evaluation.analysis.thresholds.single_threshold`. An age is uncertain where its interval is wider than WIDE.
    tables: predictions, one for each part; all parts choose together.
    """
    found, rows = {}, []
    for task in ("emotion", "gender"):
        seen = [arrays.classes(t, task) for t in tables]
        if sum(len(s.rows) for s in seen if s) < ENOUGH:
            continue
        named = [(p, t) for p, t, s in zip(parts, tables, seen, strict=True) if s]
        made = single_threshold(
            pa.concat_tables([t for _, t in named], promote_options="default"), task
        )
        found[task] = made["limit"]
        rows.append(row([p for p, _ in named], ANSWERED.format(task), made["coverage"]))
        if made["accuracy"].n:
            rows.append(row([p for p, _ in named], ACCURACY.format(task), made["accuracy"]))
    if any("age_pred" in t.column_names for t in tables):
        found["age"] = WIDE
    return Limits(found, rows)


def of_ages(
    card: Card, parts: Sequence[DatasetPart], raw: Mapping[str, np.ndarray]
) -> Iterator[Row]:
    """How many true ages lie inside their intervals, over all and by decade, and what the limit of
    their width is worth; every interval is made of the half of the people that it is not measured
    on. raw: outputs by task of all parts together.
    """
    head = card.head("age")
    truth = truths([head], parts)["age"] if head else np.zeros(0)
    known = ~np.isnan(truth)
    if head is None or known.sum() < ENOUGH:
        return
    named = [p for p in parts if not np.isnan(p.samples.age).all()]
    truth = truth[known]
    value, low, high = crossed(head, raw["age"][known].astype(np.float64), truth)
    sample, held, width = Sample(len(truth)), (low <= truth) & (truth <= high), high - low
    yield row(named, CROSSED, sample.share(held))
    yield row(named, SPAN, sample.mean(width))
    for name, ages in ((TRUE, truth), (SAID, value)):
        by = zip(
            sample.shares(held, bands(ages), BANDS),
            sample.means(width, bands(ages), BANDS),
            strict=True,
        )
        for i, (share, span) in enumerate(by):
            if share.n >= LEAST:
                yield row(named, CROSSED, share, f"{name}: {age_decade(WIDTH * i)}")
                yield row(named, SPAN, span, f"{name}: {age_decade(WIDTH * i)}")
    given, error = width <= WIDE, np.abs(value - truth)
    yield row(named, ANSWERED.format("age"), sample.share(given))
    for name, here in ((MAE, given), (MAE_UNSURE, ~given)):
        if here.sum() >= LEAST:
            yield row(named, name, sample.part(here).mean(error[here]))


def ci95(figure: Estimate) -> list[float] | None:
    """A figure's interval as a card has it; None where it has none."""
    return None if figure.low is None else [round(figure.low, 5), round(figure.high, 5)]


def row(
    parts: DatasetPart | Sequence[DatasetPart], metric: str, figure: Estimate, group: str = ""
) -> Row:
    """One figure of one part, or of several together, as a card has it."""
    several = [parts] if isinstance(parts, DatasetPart) else parts
    names = {
        key: " + ".join(dict.fromkeys(getattr(p.samples, of) for p in several))
        for key, of in (("data", "name"), ("split", "split"))
    }
    found = {**names, "metric": metric, "value": round(figure.value, 5)}
    found |= {"ci95": ci95(figure), "n": figure.n}
    return found | ({"group": group} if group else {})
