"""Suspect ages: planted ones are found; neighbours are neither copies nor the same person."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evaluation.quality import run_check
from evaluation.quality.checks import ages
from evaluation.quality.dataset import AuditDataset
from tests.evaluation.quality import repairs
from tests.evaluation.quality.checks.test_labels import with_embedding


def world(n: int = 500) -> AuditDataset:
    """Ages 0 to 89 that the embedding shows within about three years; one in ten is off by 40."""
    rng = np.random.default_rng(0)
    dataset = repairs.invented(n)
    true = dataset.samples.age
    x = rng.normal(0, 0.01, (n, 40))
    x[:, 0] += (true + rng.normal(0, 3, n)) / 10
    given = np.where(np.arange(n) % 10 == 0, (true + 40) % 90, true).astype(np.float32)
    return with_embedding(replace(dataset, samples=replace(dataset.samples, age=given)), x)


def test_wrong_ages_are_found() -> None:
    findings = run_check(ages, world())
    rows = findings.table.to_pylist()
    hit = [int(r["sample_id"][:-4]) % 10 == 0 for r in rows]
    assert 35 <= sum(hit) <= 50 and sum(hit) / len(hit) > 0.9
    assert findings.table["score"].to_pylist() == sorted(
        findings.table["score"].to_pylist()
    ) and set(findings.table["action"].to_pylist()) == {"keep"}
    assert findings.figures["samples"] == 500 and findings.figures["suspects"] == len(rows)


def test_medians_equal_those_of_a_plain_search() -> None:
    rng = np.random.default_rng(1)
    x, age, group = (
        rng.normal(0, 1, (90, 5)),
        rng.integers(0, 90, 90).astype(float),
        rng.integers(0, 30, 90),
    )
    for i, got in enumerate(ages.neighbour_ages(x, age, group, 7)):
        order = np.argsort(((x - x[i]) ** 2).sum(axis=1))
        others = [j for j in order if group[j] != group[i]][:7]
        assert got == np.median(age[others])


def test_copies_do_not_vouch_for_each_other() -> None:
    """Fifteen copies of a face with one wrong age."""
    rng = np.random.default_rng(2)
    x = np.concatenate([np.zeros((15, 4)), rng.normal(0, 1, (100, 4))])
    age = np.concatenate([np.full(15, 80.0), np.full(100, 20.0)])
    group = np.concatenate([np.zeros(15, np.int64), np.arange(1, 101)])
    assert (ages.neighbour_ages(x, age, group, 10)[:15] == 20).all()
    assert (ages.neighbour_ages(x, age, np.arange(115), 10)[:15] == 80).all()
    assert (
        ages.neighbour_ages(
            x[:15] + rng.normal(0, 1, (15, 4)), age[:15] - np.arange(15), group[:15], 10
        )
        == age[:15] - np.arange(15)
    ).all()


@pytest.mark.parametrize("n", [0, 30])
def test_where_nothing_can_be_said(n: int) -> None:
    dataset = world(100)
    age = np.where(np.arange(100) < n, dataset.samples.age, np.nan).astype(np.float32)
    findings = run_check(ages, replace(dataset, samples=replace(dataset.samples, age=age)))
    assert len(findings.table) == 0 and findings.figures.get("samples", 0) == n
