"""slices: a planted weakness is found, noise is not, gaps are those of the groups, and Welch's test
agrees with scipy.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_ind

from core.labels import FERPLUS8
from evaluation.__main__ import main
from evaluation.analysis.by_group import fairness, group_source, slices
from evaluation.predictions import table
from evaluation.predictions.schema import to_schema
from evaluation.statistics.sample import Sample

A, B = FERPLUS8.labels[:2]


def source(
    losses: np.ndarray, groups: dict[str, np.ndarray], is_share: bool = False
) -> group_source.RowGroups:
    """Groups of rows with these losses; of classes (`is_share`) the outcome is 1 - loss."""
    return group_source.RowGroups(1 - losses if is_share else losses, groups, is_share=is_share)


def cells(losses: np.ndarray, code: np.ndarray) -> list[tuple[float, float, float]]:
    """Difference, its error and degrees of freedom of the samples of code 0 against all others."""
    every = np.zeros(len(losses), int)
    counts = [Sample(len(losses)).counts(cell, 1, losses) for cell in (code, every)]
    tests = slices.cell_tests(*counts)
    return list(zip(tests.difference, tests.error, tests.freedom, strict=True))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.integers(2, 40), st.booleans())
@example(7, 7, 2, True)  # neither side varies, and rounding leaves something
def test_welch_agrees_with_scipy(seed: int, n: int, m: int, binary: bool) -> None:
    rng = np.random.default_rng(seed)
    a, b = (rng.integers(0, 2, k).astype(float) if binary else rng.normal(size=k) for k in (n, m))
    losses, code = np.concatenate([a, b]), np.repeat([0, -1], [n, m])
    [(difference, error, freedom)] = cells(losses, code)
    p = slices.one_sided(difference, error, freedom)
    assert difference == pytest.approx(a.mean() - b.mean(), abs=1e-12)
    if a.std() + b.std() == 0:
        assert p == (0.0 if difference > 0 else 1.0)
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scipy doubts a side that does not vary
            wanted = ttest_ind(a, b, equal_var=False, alternative="greater").pvalue
        assert p == pytest.approx(wanted, abs=1e-10)
    [(_, error, freedom)] = cells(losses[n - 1 :], code[n - 1 :])
    assert np.isnan(slices.one_sided(0.1, error, freedom)), (
        "one sample says nothing of how samples differ"
    )


def groups(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    return {name: rng.choice(list("abc"), n) for name in ("light", "race", "angle")}


def test_a_planted_weakness_is_found_as_what_it_is() -> None:
    rng = np.random.default_rng(0)
    sample_groups = groups(rng, 4000)
    weak = (sample_groups["light"] == "a") & (sample_groups["race"] == "b")
    losses = (rng.random(4000) < np.where(weak, 0.6, 0.2)).astype(float)
    search = slices.search(source(losses, sample_groups), support=30, fdr=0.05)
    first = search.slices[0]
    assert first.conditions == {"light": "a", "race": "b"} and first.n == weak.sum()
    assert first.loss == losses[weak].mean() and first.worse_by.value == pytest.approx(
        losses[weak].mean() - losses[~weak].mean()
    )
    assert first.worse_by.low > 0.3 and search.looked_at == 9 + 27
    named = {tuple(s.conditions.items()) for s in search.slices}
    assert (("light", "a"),) in named and (("angle", "a"),) not in named, (
        "its halves are weak because of it, the rest is not"
    )


def test_noise_is_rarely_a_slice_and_every_slice_has_support() -> None:
    alarms = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        search = slices.search(
            source((rng.random(600) < 0.3).astype(float), groups(rng, 600)), support=30, fdr=0.05
        )
        alarms += bool(search.slices)
    assert alarms <= 6  # 40 times 5 % are two; P(more than six) is below 0.4 %
    rng = np.random.default_rng(1)
    search = slices.search(source(rng.random(600), groups(rng, 600)), support=70, fdr=0.999)
    assert search.slices and min(s.n for s in search.slices) >= 70


def test_interval_and_p_of_a_small_slice_agree() -> None:
    """Of three samples a normal interval would leave out 0 where p, which is Student's, is far from
    0.05.
    """
    losses = np.array([4.0, 9.0, 11.0, *np.tile([2.0, 4.0], 50)])
    group = np.repeat(["x", "y"], [3, 100])
    weak_slice = slices.search(source(losses, {"g": group}), support=3, fdr=0.999).slices[0]
    wanted = ttest_ind(losses[:3], losses[3:], equal_var=False)
    ends, bounds = (
        (weak_slice.worse_by.low, weak_slice.worse_by.high),
        wanted.confidence_interval(0.95),
    )
    assert ends == pytest.approx(
        (bounds.low, bounds.high), rel=1e-9
    ) and weak_slice.p == pytest.approx(wanted.pvalue / 2)
    assert wanted.pvalue > 0.05 and ends[0] < 0


def test_groups_that_are_all_right_show_no_gap_and_no_certainty() -> None:
    [group_gap] = fairness.fairness(
        source(np.zeros(80), {"g": np.repeat(["x", "y"], 40)}, True), support=30
    )
    assert (group_gap.gap.value, group_gap.gap.low, group_gap.ratio.low) == (0, None, None)


def test_gaps_are_those_of_the_groups() -> None:
    group = np.repeat(np.array(["x", "y", "z", "few", ""]), [400, 400, 400, 5, 50])
    losses = np.concatenate(
        [np.arange(400) % 10 < k for k in (1, 3, 2)] + [np.ones(5), np.ones(50)]
    ).astype(float)
    [group_gap] = fairness.fairness(
        source(losses, {"g": group, "one": np.full(1255, "same")}, True), support=30
    )
    assert (group_gap.best, group_gap.worst) == (
        fairness.GroupExtreme("x", 0.9, 400),
        fairness.GroupExtreme("y", 0.7, 400),
    )
    gap, error = group_gap.gap, 1.96 * (0.09 / 400 + 0.21 / 400) ** 0.5
    assert gap.value == pytest.approx(0.2) and gap.n == 1200
    assert (gap.low, gap.high) == pytest.approx((0.2 - error, 0.2 + error), abs=0.015)
    assert (
        group_gap.ratio.value == pytest.approx(0.7 / 0.9)
        and group_gap.ratio.low < 0.7 / 0.9 < group_gap.ratio.high
    )
    years = np.repeat([2.0, 5.0], 50) + np.tile([-1.0, 1.0], 50)
    [old] = fairness.fairness(source(years, {"g": np.repeat(["x", "y"], 50)}), support=30)
    assert old.worst.value == "y" and old.gap.value == 3 and old.ratio.value == 2.5


def test_a_gap_lies_inside_its_interval_even_between_equal_groups() -> None:
    rng = np.random.default_rng(0)
    [group_gap] = fairness.fairness(
        source(
            (rng.random(4000) < 0.2).astype(float),
            {"g": rng.choice(list("abcdefgh"), 4000)},
            True,
        ),
        support=30,
    )
    for name in ("gap", "ratio"):
        assert (
            getattr(group_gap, name).low
            < getattr(group_gap, name).value
            < getattr(group_gap, name).high
        )


def test_a_ratio_to_nothing_is_unknown() -> None:
    [group_gap] = fairness.fairness(
        source(np.repeat([0.0, 4.0], 40), {"g": np.repeat(["x", "y"], 40)}), support=30
    )
    assert group_gap.ratio.value is None and group_gap.gap.value == 4


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    rng = np.random.default_rng(0)
    race = rng.choice(["x", "y"], 500)
    wrong = rng.random(500) < np.where(race == "y", 0.5, 0.1)
    columns = {
        "sample_id": np.arange(500).astype(str),
        "emotion_true": [A] * 500,
        "emotion_pred": np.where(wrong, B, A),
    }
    columns |= {
        "group_race": race,
        "age_true": np.full(500, 30.0),
        "age_pred": np.where(race == "x", 45.0, 31.0),
    }
    path = str(tmp_path / "t.parquet")
    table.write(to_schema(pa.table(columns), model="m"), path)
    assert main(["slices", path, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [s["conditions"] for s in report["emotion"]["slices"]] == [{"race": "y"}]
    assert [s["conditions"] for s in report["age"]["slices"]] == [{"race": "x"}] and report["age"][
        "fairness"
    ][0]["gap"]["value"] == 14
    assert main(["slices", path]) == 0
    out = capsys.readouterr().out
    assert "race=y" in out and "gaps in accuracy" in out and "slices looked at" in out
    assert main(["slices", path, "--support", "1"]) == 2 and "--support" in capsys.readouterr().err


def test_what_is_not_looked_at_is_named(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    columns = {
        "sample_id": np.arange(500).astype(str),
        "emotion_true": [A] * 500,
        "emotion_pred": [A, B] * 250,
        "emotion_p_neutral": [0.9, 0.2] * 250,
        "emotion_p_happiness": [0.1, 0.8] * 250,
    }
    camera = np.char.mod("c%d", np.arange(500) % 250)
    path = str(tmp_path / "t.parquet")
    table.write(to_schema(pa.table(columns | {"group_camera": camera}), model="m"), path)
    note = "`group_camera` has 250 values and is taken for a name, not for a group"
    for argv in (["slices", path], ["compare", path, path], ["plan", path, "--precision", "0.9"]):
        assert main(argv) == 0
        printed = capsys.readouterr()
        assert note in printed.err
        if argv[0] == "slices":
            assert "Emotion: 0 slices looked at, the table has no groups" in printed.out
    race = np.where(np.arange(500) < 20, "x", "y")
    table.write(to_schema(pa.table(columns | {"group_race": race}), model="m"), path)
    assert main(["slices", path]) == 0
    line = "Emotion: 0 slices looked at, no group of race has 30 samples and as many outside it"
    assert line in capsys.readouterr().out
