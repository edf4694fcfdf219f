"""Titles, units, directions and number formats of tasks, metrics and groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric of a model.

    Attributes:
        key: name in reports and JSON.
        title: name in tables and charts, in lower case.
        unit: "%" is shown for values that are stored as shares in [0, 1]; "" is a bare number.
        better: whether higher or lower values are better, or those nearer to zero.
        format: format specification of the shown number, without sign.
    """

    key: str
    title: str
    unit: str
    better: Literal["higher", "lower", "zero"]
    format: str

    @property
    def is_share(self) -> bool:
        """Whether values are shares in [0, 1], which are shown in percent."""
        return self.unit == "%"

    @property
    def axis(self) -> str:
        """The title with its unit, for the axis of a chart, e.g. `mean absolute error, years`."""
        return self.title if self.unit in ("", "%") else f"{self.title}, {self.unit}"

    @property
    def difference_axis(self) -> str:
        """The title with the unit of a difference, e.g. `accuracy, percentage points`."""
        return f"{self.title}, percentage points" if self.is_share else self.axis

    def number(self, value: float, *, sign: bool = False) -> str:
        """Return the shown number without its unit; none is -0.0."""
        scale = 100 if self.is_share else 1
        return f"{value * scale:{'+' if sign else ''}z{self.format}}"

    def text(self, value: float) -> str:
        """Return a value with its unit, e.g. `82.1 %` or `4.85 years`."""
        return f"{self.number(value)} {self.unit}".rstrip()

    def difference(self, value: float) -> str:
        """Return a difference of two values with its unit, e.g. `+0.4 points`."""
        unit = "points" if self.is_share else self.unit
        return f"{self.number(value, sign=True)} {unit}".rstrip()

    def improvement(self, old: float, new: float) -> float:
        """Return by how much `new` is better than `old`, below 0 where it is worse."""
        if self.better == "zero":
            return abs(old) - abs(new)
        return new - old if self.better == "higher" else old - new


def _share(key: str, title: str, better: Literal["higher", "lower"] = "higher") -> Metric:
    return Metric(key, title, "%", better, ".1f")


def _by_key(*metrics: Metric) -> Mapping[str, Metric]:
    return {metric.key: metric for metric in metrics}


METRICS: Mapping[str, Metric] = _by_key(
    # Classes: emotion, perceived gender
    _share("accuracy", "accuracy"),
    _share("macro_f1", "macro F1"),
    _share("balanced_accuracy", "balanced accuracy"),
    Metric("kappa", "Cohen's kappa", "", "higher", ".3f"),
    _share("ece", "calibration error (ECE)", "lower"),
    _share("ece_equal_mass", "ECE, bins of equal mass", "lower"),
    _share("classwise_ece", "ECE, mean over classes", "lower"),
    Metric("aurc", "area under risk-coverage", "", "lower", ".3f"),
    Metric("nll", "negative log-likelihood", "", "lower", ".3f"),
    Metric("brier", "Brier score", "", "lower", ".3f"),
    # One class
    _share("recall", "recall"),
    _share("precision", "precision"),
    Metric("f1", "F1", "", "higher", ".2f"),
    Metric("auroc", "AUROC", "", "higher", ".3f"),
    Metric("average_precision", "average precision", "", "higher", ".3f"),
    # Several voters
    _share("majority", "right by the voters' majority"),
    _share("ceiling", "a voter agrees with the majority"),
    Metric("kl", "distance to the votes (KL)", "nats", "lower", ".3f"),
    # Age
    Metric("mae", "mean absolute error", "years", "lower", ".2f"),
    Metric("rmse", "root mean squared error", "years", "lower", ".2f"),
    Metric("bias", "bias (above 0: too old)", "years", "zero", ".2f"),
    _share("cs5", "within 5 years"),
    _share("interval_coverage", "inside the stated interval"),
    Metric("mean_width", "mean width of the interval", "years", "lower", ".1f"),
    # Selective prediction
    _share("coverage", "coverage"),
    # Training
    Metric("loss", "loss", "", "lower", ".3f"),
)
"""All metrics, by key."""


@dataclass(frozen=True, slots=True)
class TaskTitle:
    """What one task is called.

    Attributes:
        key: name in tables, cards and JSON.
        name: name inside a sentence.
        title: heading of its tables and charts.
        metric: the metric by which models are compared.
    """

    key: str
    name: str
    title: str
    metric: Metric


TASKS: Mapping[str, TaskTitle] = {
    "emotion": TaskTitle("emotion", "emotion", "Emotion", METRICS["accuracy"]),
    "gender": TaskTitle("gender", "perceived gender", "Perceived gender", METRICS["accuracy"]),
    "age": TaskTitle("age", "age", "Age, years", METRICS["mae"]),
}
"""All tasks, by key, in the order in which they are shown."""


def task_title(key: str, unit: str | None = None) -> TaskTitle:
    """Return what a task is called; for one that is not known, by its name.

    Args:
        key: name of the task in tables.
        unit: of a regression, "" where unknown; None for a classification.

    >>> task_title("head_pose").title
    'Head pose'
    """
    if key in TASKS:
        return TASKS[key]
    name = key.replace("_", " ").strip() or key
    title = name[:1].upper() + name[1:]
    if unit is None:
        return TaskTitle(key, name, title, METRICS["accuracy"])
    metric = replace(METRICS["mae"], unit=unit)
    return TaskTitle(key, name, f"{title}, {unit}" if unit else title, metric)


CLASS_METRICS = (
    "accuracy",
    "macro_f1",
    "balanced_accuracy",
    "kappa",
    "ece",
    "ece_equal_mass",
    "classwise_ece",
    "aurc",
    "nll",
    "brier",
)
"""Metrics of a task with classes, in the order in which they are shown."""
AGE_METRICS = ("mae", "rmse", "bias")
"""Metrics of age in years, in the order in which they are shown."""


NUMBER_METRICS = {"mae": METRICS["mae"].title, "rmse": METRICS["rmse"].title, "bias": "bias"}
"""Titles of the metrics of a regression whose unit is not years."""


def task_metric(column: str) -> tuple[TaskTitle | None, Metric]:
    """Split the name of a training column, e.g. `emotion_accuracy` or `age_mae`.

    Returns:
        The task and the metric; for the column of a metric alone, e.g. `loss`, None and the metric.

    Raises:
        KeyError: there is no such metric.
    """
    task, _, metric = column.partition("_")
    if task in TASKS:
        return TASKS[task], METRICS[metric]
    return None, METRICS[column]


def column_title(column: str) -> str:
    """Return the title of a training column, e.g. `perceived gender: accuracy`."""
    task, metric = task_metric(column)
    return f"{task.name}: {metric.title}" if task else metric.title


def column_axis(column: str) -> str:
    """Return the title of a training column with its unit, e.g. `age: ..., years`."""
    task, metric = task_metric(column)
    return f"{task.name}: {metric.axis}" if task else metric.axis


def group_title(group: str) -> str:
    """Return the title of a group column, e.g. `age` for `age_decade`."""
    titles = {"gender": TASKS["gender"].name, "age_decade": TASKS["age"].name}
    return titles.get(group, group.replace("_", " "))


def count_of(n: int, noun: str, form: str = "") -> str:
    """Return a number of things, in the singular where there is one.

    >>> count_of(1, "row"), count_of(0, "class"), count_of(4_727, "sample", ",")
    ('1 row', '0 classes', '4,727 samples')

    Args:
        n: how many.
        noun: in the singular.
        form: format specification of the number.
    """
    ending = "es" if noun.endswith("s") else "s"
    return f"{n:{form}} {noun}{'' if n == 1 else ending}"
