"""Titles, units and number formats of metrics and tasks, and counts in sentences."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import vocabulary
from core.system import ROOT
from core.vocabulary import METRICS, TASKS, count_of


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
    assert vocabulary.column_axis("age_mae") == "age: mean absolute error, years"
    assert vocabulary.column_axis("loss") == "loss"
    with pytest.raises(KeyError):
        vocabulary.task_metric("emotion_warmth")


def test_listed_metrics_exist() -> None:
    assert {*vocabulary.CLASS_METRICS, *vocabulary.AGE_METRICS} <= set(METRICS)


@given(st.integers(0, 10**6), st.sampled_from(["row", "class", "unreadable file"]))
def test_one_of_a_kind_is_written_in_the_singular(n: int, noun: str) -> None:
    number, words = count_of(n, noun, ",").split(" ", 1)
    assert number == f"{n:,}" and (words == noun) == (n == 1) and words.startswith(noun)


COUNTED = re.compile(
    r" (rows|samples|pictures|faces|frames|epochs|classes|files|findings|images|columns)\b(?!/)"
)


def _bare_counts(file: Path) -> Iterator[str]:
    """Yield the places of a file where a computed number stands before a plural in a sentence."""
    tree = ast.parse(file.read_text("utf-8"))
    errors = [node for node in ast.walk(tree) if isinstance(node, ast.Raise)]
    in_errors = {id(node) for error in errors for node in ast.walk(error)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.JoinedStr) or id(node) in in_errors:
            continue
        for value, after in itertools.pairwise(node.values):
            if not (isinstance(value, ast.FormattedValue) and isinstance(after, ast.Constant)):
                continue
            is_constant = isinstance(value.value, ast.Name) and value.value.id.isupper()
            if COUNTED.match(str(after.value)) and not is_constant:
                yield f"{file}:{node.lineno}: {ast.unparse(value.value)}{after.value}"


@pytest.mark.parametrize(
    "folder",
    ["apps/webcam", "evaluation/commands", "evaluation/report", "train/commands", "train/export"],
)
def test_sentences_count_by_the_rule(folder: str) -> None:
    files = [f for f in (ROOT / folder).rglob("*.py") if f.parent.name != "benchmarks"]
    assert files
    assert [place for f in files for place in _bare_counts(f)] == []
