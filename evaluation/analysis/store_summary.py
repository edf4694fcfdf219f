"""Headline estimates of a store's rows, at any size of table."""

from __future__ import annotations

from dataclasses import dataclass

from evaluation.analysis import from_counts, store_confidence
from evaluation.analysis.from_counts import ClassSummary, NumberErrors
from evaluation.analysis.regression import HEADLINE_YEARS
from evaluation.analysis.sql import signed_error
from evaluation.analysis.store_classes import matrix
from evaluation.store.counts import grouped_counts, several_counts
from evaluation.store.filters import Where
from evaluation.store.store import Store


@dataclass(frozen=True, slots=True)
class StoreSummary:
    """Headline of the rows of one model; tasks: those that have rows, by name."""

    model: str | None
    dataset: str | None
    split: str | None
    rows: int
    tasks: dict[str, ClassSummary | NumberErrors]


def summary(store: Store, where: Where) -> StoreSummary:
    """Return the headline of the rows of `where`, which should name one model."""
    parts = store.counts(["model", "dataset", "split"], where)
    model, dataset, split = (
        ", ".join(sorted({str(part[i]) for part in parts if part[i]})) or None for i in range(3)
    )
    tasks = {task: task_summary(store, task, where) for task in store.tasks}
    has_rows = {task: figures for task, figures in tasks.items() if figures is not None}
    return StoreSummary(model, dataset, split, store.count(where), has_rows)


def task_summary(store: Store, task: str, where: Where) -> ClassSummary | NumberErrors | None:
    """Return the headline of a task; None without rows."""
    headline = number_summary if store.is_regression(task) else class_summary
    return headline(store, task, where)


def class_summary(store: Store, task: str, where: Where) -> ClassSummary | None:
    """Return the headline of a classification; None without rows."""
    if task not in store.tasks:
        return None
    counts = matrix(store, task, where)
    if not counts.total:
        return None
    has_confidence = store_confidence.has_confidence(store, task)
    ece = store_confidence.ece(store, task, where) if has_confidence else None
    ece = ece if ece and ece.n else None
    return ClassSummary(*from_counts.headline(counts, len(store.labels(task))), ece)


def number_summary(store: Store, task: str, where: Where) -> NumberErrors | None:
    """Return the headline of a regression; None without rows."""
    if task not in store.tasks:
        return None
    error = signed_error(task)
    values = [f"abs({error})", error, f"{error} * {error}"]
    absolute, signed, squared = several_counts(store, where, "0", 1, values)
    mae, bias = absolute.estimate(minimum=0), signed.estimate()
    cs5 = None
    if task == "age":
        near = f"(abs({error}) <= {HEADLINE_YEARS})::INT"
        cs5 = grouped_counts(store, where, "0", 1, near, is_share=True).estimate()
    return NumberErrors(mae.n, mae, bias, squared.estimate().root(), cs5) if mae.n else None
