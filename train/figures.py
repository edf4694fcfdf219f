"""The figures of a model card: measured through ONNX Runtime as it is served, by the same code as `python -m evaluation report`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from core.labels import FERPLUS8
from core.predictor import INTERVAL, Predictor
from evaluation import figures as report
from evaluation import pixels, predict
from train.data import Part

Row = dict[str, Any]
LEAST = 10
"""Groups of fewer samples get no figure of their own."""
CHUNK = 1024


def figures(predictor: Predictor, train_parts: Sequence[Part], val_parts: Sequence[Part]) -> Iterator[Row]:
    """Rows {data, split, metric, value, ci95, n, group?} over all validation parts."""
    for part in val_parts:
        table = predictions(predictor, part)
        found = report.figures(table)
        if found["emotion"]:
            yield _row(part, "emotion_accuracy", found["emotion"]["accuracy"])
            yield from _without_leaks(table, part, [t for t in train_parts if t.samples.name == part.samples.name])
            yield _row(part, "emotion_macro_f1", found["emotion"]["macro_f1"])
            yield _row(part, "emotion_expected_calibration_error", found["emotion"]["ece"])
            seen = [c for c in found["emotion"]["per_class"] if c["n"]]
            yield from (_row(part, "emotion_recall", c["recall"], f"emotion: {c['label']}") for c in seen)
        if found["gender"]:
            yield _row(part, "gender_accuracy", found["gender"]["accuracy"])
        if found["age"]:
            yield _row(part, "age_mean_absolute_error_years", found["age"]["mae"])
            yield _row(part, "age_bias_years", found["age"]["bias"])
            if found["age"]["interval"]:
                yield _row(part, f"age_inside_its_{round(100 * INTERVAL)}_percent_interval", found["age"]["interval"]["coverage"])
        for task, figure, metric in (("gender", "accuracy", "gender_accuracy"), ("age", "mae", "age_mean_absolute_error_years")):
            for group, values in (found[task] or {"groups": {}})["groups"].items():
                name = {"gender": "perceived gender", "age_decade": "age"}.get(group, group)
                yield from (_row(part, metric, v[figure], f"{name}: {v['value']}") for v in values if v[figure]["n"] >= LEAST)
        if found["gender"]:  # by true gender, accuracy is that class's recall
            for c in (c for c in found["gender"]["per_class"] if c["n"]):
                yield _row(part, "gender_accuracy", c["recall"], f"perceived gender: {c['label']}")


def predictions(predictor: Predictor, part: Part) -> pa.Table:
    """The predictions table of crops that are already there; columns without any value are left out."""
    head = predictor.card.head("emotion")
    places = np.array([FERPLUS8.index(label) for label in head.labels] + [-1]) if head else None  # the last place is for -1
    samples = part.samples if places is None else replace(part.samples, emotion=places[part.samples.emotion])
    values = [predict.outputs(predictor, part.crops[i : i + CHUNK]) for i in range(0, len(part), CHUNK)]
    table = predict.assemble(samples, values, [True] * len(part), predictor.card.name, part.samples.root)
    return table.drop_columns([name for name in table.column_names if table[name].null_count == len(table)])


def _without_leaks(table: pa.Table, part: Part, train_parts: Sequence[Part]) -> Iterator[Row]:
    """Accuracy on the pictures whose pixels do not stand in the training split too: FER+'s official splits leak."""
    if not train_parts:
        return
    theirs = np.concatenate([pixels.digests(t.samples.paths) for t in train_parts])
    fresh = ~pixels.shared(pixels.digests(part.samples.paths), theirs)
    if fresh.any():
        found = report.figures(table.filter(pa.array(fresh)))
        yield _row(part, "emotion_accuracy_without_pictures_that_train_has_too", found["emotion"]["accuracy"])


def _row(part: Part, metric: str, figure: dict[str, Any], group: str = "") -> Row:
    row = {"data": part.samples.name, "split": part.samples.split, "metric": metric, "value": round(figure["value"], 5)}
    row |= {"ci95": [round(figure["low"], 5), round(figure["high"], 5)], "n": figure["n"]}
    return row | ({"group": group} if group else {})
