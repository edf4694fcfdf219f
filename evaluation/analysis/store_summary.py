"""Headline estimates of a store's rows, at any size of table."""

from __future__ import annotations

from dataclasses import dataclass

from evaluation.analysis import from_counts, store_confidence
from evaluation.analysis.from_counts import AgeErrors, ClassSummary
from evaluation.analysis.regression import HEADLINE_YEARS
from evaluation.analysis.sql import AGE_ERROR
from evaluation.analysis.store_classes import matrix
from evaluation.store.counts import grouped_counts, several_counts
from evaluation.store.filters import Where
from evaluation.store.store import Store


@dataclass(frozen=True, slots=True)
class StoreSummary:
    """Headline of the rows of one model; a task without rows is None."""

    model: str | None
    dataset: str | None
    split: str | None
    rows: int
    emotion: ClassSummary | None
    gender: ClassSummary | None
    age: AgeErrors | None

    @property
    def tasks(self) -> dict[str, ClassSummary | AgeErrors]:
        """The tasks that have rows, by name."""
        tasks = {"emotion": self.emotion, "gender": self.gender, "age": self.age}
        return {name: task for name, task in tasks.items() if task is not None}


def summary(store: Store, where: Where) -> StoreSummary:
    """Return the headline of the rows of `where`, which should name one model."""
    model, dataset, split = (
        ", ".join(str(row[0]) for row in store.counts([by], where) if row[0]) or None
        for by in ("model", "dataset", "split")
    )
    emotion, gender = (class_summary(store, task, where) for task in ("emotion", "gender"))
    return StoreSummary(
        model, dataset, split, store.count(where), emotion, gender, age_summary(store, where)
    )


def class_summary(store: Store, task: str, where: Where) -> ClassSummary | None:
    """Return the headline of emotion or gender; None without rows."""
    if task not in store.tasks:
        return None
    counts = matrix(store, task, where)
    if not counts.total:
        return None
    has_confidence = store_confidence.has_confidence(store, task)
    ece = store_confidence.ece(store, task, where) if has_confidence else None
    return ClassSummary(*from_counts.headline(counts, len(store.labels(task))), ece)


def age_summary(store: Store, where: Where) -> AgeErrors | None:
    """Return the headline of the ages; None without rows."""
    if "age" not in store.tasks:
        return None
    values = [f"abs({AGE_ERROR})", AGE_ERROR, f"{AGE_ERROR} * {AGE_ERROR}"]
    mae, bias, squared = (c.estimate() for c in several_counts(store, where, "0", 1, values))
    near = f"(abs({AGE_ERROR}) <= {HEADLINE_YEARS})::INT"
    cs5 = grouped_counts(store, where, "0", 1, near, is_share=True).estimate()
    return AgeErrors(mae.n, mae, bias, squared.root(), cs5) if mae.n else None
