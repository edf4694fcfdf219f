"""A study's table: one row per member and figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from core.vocabulary import task_metric
from train.network.build import count_parameters
from train.recipe.recipe import Recipe, load
from train.runs.status import RunStatus, total
from train.study.definition import StudyMember
from train.study.plan import StudyPlan


@dataclass(frozen=True, slots=True)
class StudyRow:
    """One figure of one member. Accuracies are shares, ages years.

    Attributes:
        member: its run folder's name.
        figure: as a run's history names it without `val_`; None where there is none to show.
        state: measured, failed, or not finished; `why` says more.
        source: the reproduced document's figure.
        ours, low, high, n: the validation figure, its 95 % interval and its samples.
        on: [data set, samples] of each validation part.
        source_is: where the source's figure lies: inside our interval, above or below it.
        train: our figure while training, in the epoch whose weights were exported.
        parameters to memory_mb: what it took to train; None where the run did not record it.
        source_epochs: of the source's training.
        source_measured_on: what the source's figure was measured on.
    """

    member: str
    recipe: str
    figure: str | None
    state: Literal["measured", "failed", "not finished"]
    why: str | None
    source: float | None
    ours: float | None
    low: float | None
    high: float | None
    n: int | None
    on: list[list[Any]] | None
    ours_minus_source: float | None
    source_is: Literal["inside", "above", "below"] | None
    train: float | None
    train_minus_val: float | None
    source_train_minus_val: float | None
    parameters: int
    epochs: int | None
    best_epoch: int | None
    images_seen: int | None
    seconds: float | None
    cpu_seconds: float | None
    images_per_s: float | None
    memory_mb: float | None
    source_epochs: int
    source_measured_on: str | None


def study_rows(
    plan: StudyPlan, statuses: Mapping[str, RunStatus], failed: Mapping[str, str]
) -> list[StudyRow]:
    """Return one row for each member and figure that it has, or that its source states.

    Each member has at least one row. Its costs stand in all of its rows.

    Args:
        plan: the study.
        statuses: folder -> its run.
        failed: folder -> why its training failed.
    """
    return [
        _row(member, name, plan.recipe(member), statuses[member.folder], failed.get(member.folder))
        for member in plan.study.members
        for name in _figure_names(plan, plan.recipe(member), statuses[member.folder])
    ]


def _figure_names(plan: StudyPlan, recipe: Recipe, status: RunStatus) -> Sequence[str]:
    """Return the study's figures that were measured, or while none is, those of the source."""
    names = [
        figure
        for figure in plan.study.figures
        if figure in status.figures or (not status.figures and f"val_{figure}" in recipe.expected)
    ]
    return names or [""]


def _row(
    member: StudyMember, name: str, recipe: Recipe, status: RunStatus, error: str | None
) -> StudyRow:
    """Return a member's row on one figure beside its source; an empty name: no figure."""
    ours, history = status.figures.get(name), status.history
    source, source_train = (recipe.expected.get(f"{side}_{name}") for side in ("val", "train"))
    train = history[status.best - 1].get(f"train_{name}") if history else None
    speeds, memory = (
        [row[key] for row in history if row.get(key)] for key in ("images_per_s", "memory_mb")
    )
    side: Literal["inside", "above", "below"] | None = None
    if ours and source is not None:
        side = "above" if source > ours.high else "below" if source < ours.low else "inside"
    return StudyRow(
        member=member.folder,
        recipe=member.recipe,
        figure=name or None,
        state="measured" if status.figures else "not finished" if error is None else "failed",
        why=error or status.why or None,
        source=source,
        ours=ours.value if ours else None,
        low=ours.low if ours else None,
        high=ours.high if ours else None,
        n=ours.n if ours else None,
        on=[[use.name, use.n] for use in ours.on] if ours else None,
        ours_minus_source=ours.value - source if ours and source is not None else None,
        source_is=side,
        train=train,
        train_minus_val=train - ours.value if ours and train is not None else None,
        source_train_minus_val=None
        if source is None or source_train is None
        else source_train - source,
        parameters=count_parameters(recipe)["total"],
        epochs=len(history) or None,
        best_epoch=status.best or None,
        images_seen=status.images or None,
        seconds=total(history, "seconds"),
        cpu_seconds=total(history, "cpu_seconds"),
        images_per_s=sum(speeds) / len(speeds) if speeds else None,
        memory_mb=max(memory, default=None),
        source_epochs=load(member.recipe).epochs,
        source_measured_on=member.remark or None,
    )


def format_figure(name: str | None, value: float | None) -> str:
    """Return a figure as text: per cent, or years; empty where there is none."""
    if not name or value is None:
        return ""
    return f"{100 * value:.2f} %" if task_metric(name)[1].is_share else f"{value:.2f}"


def format_difference(name: str | None, value: float | None) -> str:
    """Return a difference as text: percentage points, or years; empty where there is none."""
    if not name or value is None:
        return ""
    return f"{100 * value:+.2f}" if task_metric(name)[1].is_share else f"{value:+.2f}"
