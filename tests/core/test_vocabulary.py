from __future__ import annotations

import pytest

from core import vocabulary
from core.vocabulary import METRICS, TASKS


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda m: m.key)
def test_a_metric_is_shown_with_its_unit(metric: vocabulary.Metric) -> None:
    text = metric.text(0.5)
    assert float(text.split()[0]) == pytest.approx(50 if metric.is_share else 0.5)
    assert text.endswith(metric.unit) and metric.title and "gender" not in metric.title


def test_numbers() -> None:
    assert METRICS["accuracy"].text(0.8214) == "82.1 %"
    assert METRICS["accuracy"].difference(0.004) == "+0.4 points"
    assert METRICS["accuracy"].number(-0.0001) == "0.0"
    assert METRICS["mae"].text(4.849) == "4.85 years"
    assert METRICS["bias"].difference(-0.5) == "-0.50 years"
    assert METRICS["kappa"].text(0.81) == "0.810"
    assert METRICS["mae"].axis == "mean absolute error, years"
    assert METRICS["accuracy"].axis == "accuracy"


def test_improvement_follows_the_direction() -> None:
    assert METRICS["accuracy"].improvement(0.8, 0.9) == pytest.approx(0.1)
    assert METRICS["mae"].improvement(5.0, 6.0) == pytest.approx(-1)
    assert METRICS["bias"].improvement(-3.0, 1.0) == pytest.approx(2)


def test_tasks_are_called_as_people_read_them() -> None:
    assert list(TASKS) == ["emotion", "gender", "age"]
    assert TASKS["gender"].title == "Perceived gender"
    assert TASKS["age"].metric is METRICS["mae"]
    assert vocabulary.group_title("age_decade") == "age"
    assert vocabulary.group_title("gender") == "perceived gender"
    assert vocabulary.group_title("skin_tone") == "skin tone"


def test_training_columns() -> None:
    assert vocabulary.task_metric("gender_accuracy") == (TASKS["gender"], METRICS["accuracy"])
    assert vocabulary.task_metric("loss") == (None, METRICS["loss"])
    assert vocabulary.column_title("age_mae") == "age: mean absolute error"
    with pytest.raises(KeyError):
        vocabulary.task_metric("emotion_warmth")


def test_listed_metrics_exist() -> None:
    assert {*vocabulary.CLASS_METRICS, *vocabulary.AGE_METRICS} <= set(METRICS)
