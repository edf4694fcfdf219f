"""The sidebar's filters of rows."""

from __future__ import annotations

from apps.studio import context, url_state, widgets
from core.vocabulary import group_title
from evaluation.analysis.by_group.groups import MAX_GROUP_VALUES
from evaluation.composition.group_order import in_order
from evaluation.store import Store, Where

GROUP_PREFIX = "g."
"""What stands before a group's name in the URL."""
NAMES = ("datasets", "splits", "confidence", "right", "text", "face")
"""Names in the URL of the filters that are not groups."""


def are_set() -> bool:
    """Return whether the URL has any filter."""
    return any(n in NAMES or n.startswith(GROUP_PREFIX) for n in url_state.selections())


def choose(store: Store, task: str) -> Where:
    """Draw the filters that the table has values for and return the rows that pass them."""
    where = Where(task=task)
    for name, label, values in (
        ("datasets", "Data set", store.datasets),
        ("splits", "Split", store.splits),
    ):
        if len(values) > 1:
            where = where.but(**{name: widgets.several(name, label, values, empty="all")})
    for group, values in store.groups.items():
        if 1 < len(values) <= MAX_GROUP_VALUES:
            selected = widgets.several(
                GROUP_PREFIX + group,
                context.as_markdown(group_title(group)),
                in_order(values),
                empty="all",
            )
            where = where.group(group, *selected)
    if f"{task}_conf" in store.columns:
        where = where.but(confidence=widgets.between("confidence", "Confidence", 0.0, 1.0, 0.01))
    if has_right(store, task):
        where = where.but(correct=_either("right", "Prediction", "right", "wrong"))
    where = where.but(text=widgets.text("text", "Sample name contains"))
    if "face_found" in store.columns:
        where = where.but(face=_either("face", "Face", "found", "not found"))
    return where


def has_right(store: Store, task: str) -> bool:
    """Return whether a prediction is right or wrong: of classes, and of ages by five years."""
    return task == "age" or not store.is_regression(task)


def _either(name: str, label: str, yes: str, no: str) -> bool | None:
    """Draw a choice of two and return whether it is `yes`; None for both."""
    choice = widgets.choose(name, label, ("any", yes, no), style="segmented_control")
    return None if choice == "any" else choice == yes
