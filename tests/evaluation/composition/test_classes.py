"""Counts and shares of classes and splits against pandas and scipy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, chi2_contingency

from core.errors import UserError
from evaluation.composition.classes import (
    class_counts,
    class_shares,
    imbalance,
    of_versions,
    split_differences,
)
from evaluation.composition.listing import NO_SPLIT, coded
from evaluation.composition.sampling import sample_of_each
from evaluation.composition.splits import expected_shares, split_shares
from tests.evaluation.composition.listings import QUICK, frames, listing


@QUICK
@given(frames())
def test_counts_are_those_of_a_crosstab(frame: pd.DataFrame) -> None:
    one = listing(frame)
    counts = class_counts(one.classes["mask"], one.splits)
    table = pd.crosstab(frame["split"].replace("", NO_SPLIT), frame["mask"])
    for i, split in enumerate(counts.splits):
        expected = table.loc[split]
        assert dict(zip(counts.labels, counts.counts[i], strict=True)) == {
            label: n for label, n in expected.items() if label in counts.labels
        }
        assert counts.unlabelled[i] == expected.get("", 0)
    assert set(counts.labels) == set(frame["mask"]) - {""}
    assert counts.all_splits().counts.sum() == (frame["mask"] != "").sum()


@QUICK
@given(frames())
def test_shares_have_wilsons_interval_and_meet_the_target(frame: pd.DataFrame) -> None:
    one = listing(frame)
    counts = class_counts(one.classes["mask"], one.splits)
    for shares in (
        class_shares(counts, counts.equal_target()),
        class_shares(counts, counts.overall_target()),
    ):
        assert len(shares) == counts.counts.size
        for share in shares:
            if share.share.n:
                ends = binomtest(share.count, share.share.n).proportion_ci(0.95, "wilson")
                assert (share.share.low, share.share.high) == pytest.approx((ends.low, ends.high))
                assert share.difference == pytest.approx(share.count / share.share.n - share.target)
                assert share.is_on_target == (abs(share.difference) <= 0.02 + 1e-12)
    together = counts.all_splits()
    for share in class_shares(together, counts.overall_target()):
        assert share.difference == pytest.approx(0) and (not share.share.n or share.holds_target)
    if counts.labels:
        assert counts.equal_target().sum() == pytest.approx(1)


@QUICK
@given(frames())
def test_splits_are_compared_by_the_chi_square_test(frame: pd.DataFrame) -> None:
    one = listing(frame)
    counts = class_counts(one.classes["mask"], one.splits)
    row = dict(zip(counts.splits, counts.counts, strict=True))
    differences = split_differences(counts)
    n = int(counts.counts.any(axis=1).sum())
    assert len(differences) == n * (n - 1) // 2
    for difference in differences:
        table = np.stack([row[difference.first], row[difference.second]])
        table = table[:, table.any(axis=0)]
        p = chi2_contingency(table, correction=False).pvalue if table.shape[1] > 1 else 1.0
        assert p - 1e-12 <= difference.p <= min(1.0, p * len(differences)) + 1e-12


@QUICK
@given(st.lists(frames(), min_size=1, max_size=3))
def test_versions_have_the_same_classes(parts: list[pd.DataFrame]) -> None:
    versions = {str(i): listing(part) for i, part in enumerate(parts)}
    counts = of_versions(versions, "mask")
    assert len({one.labels for one in counts.values()}) == 1
    for name, one in counts.items():
        alone = class_counts(versions[name].classes["mask"], versions[name].splits)
        by_label = dict(zip(one.labels, one.total.tolist(), strict=True))
        assert {k: v for k, v in by_label.items() if v} == dict(
            zip(alone.labels, alone.total.tolist(), strict=True)
        )
    assert of_versions(versions, "yaw") == {}, "numbers are no classes"


def test_the_uneven_four_classes_of_an_example() -> None:
    splits = ["train"] * 747 + ["val"] * 246 + ["test"] * 7
    frame = pd.DataFrame(
        {
            "id": np.arange(1000).astype(str),
            "split": splits,
            "mask": ["a"] * 500 + ["b10"] * 250 + ["b9"] * 240 + [""] * 10,
            "yaw": 0.0,
        }
    )
    one = listing(frame)
    train, val, test = split_shares(one.splits.sizes(), expected_shares("80/10/10"))
    assert (train.share, val.share, test.share) == (0.747, 0.246, 0.007)
    assert [s.is_expected for s in (train, val, test)] == [False, False, False]
    assert val.difference == pytest.approx(0.146)
    counts = class_counts(one.classes["mask"], one.splits).all_splits()
    assert counts.labels == ("a", "b9", "b10") and counts.unlabelled.tolist() == [10]
    assert [s.is_on_target for s in class_shares(counts, np.full(3, 0.25))] == [False, True, True]
    assert imbalance(counts.total.tolist()) == pytest.approx(500 / 240)
    assert imbalance([0, 3]) is None


def test_an_expected_split_that_is_missing_is_listed_and_another_one_too() -> None:
    shares = split_shares({"val": 1, "odd": 3}, expected_shares("90/10"))
    assert [(s.split, s.n, s.expected) for s in shares] == [
        ("train", 0, 0.9),
        ("val", 1, 0.1),
        ("odd", 3, 0.0),
    ]
    with pytest.raises(UserError, match="80/10/10"):
        expected_shares("80/30/10")


@QUICK
@given(frames(), st.integers(0, 9), st.integers(0, 5))
def test_drawn_samples_are_of_their_class_and_the_same_again(
    frame: pd.DataFrame, seed: int, per_class: int
) -> None:
    column = coded(frame["mask"])
    is_eligible = (frame["split"] != "test").to_numpy()
    drawn = sample_of_each(column, is_eligible, per_class, seed)
    again = sample_of_each(column, is_eligible, per_class, seed)
    assert list(drawn) == list(column.labels)
    for label, places in drawn.items():
        assert (places == again[label]).all() and len(set(places.tolist())) == len(places)
        part = frame.iloc[places]
        assert (part["mask"] == label).all() and (part["split"] != "test").all()
        available = int(((frame["mask"] == label) & is_eligible).sum())
        assert len(places) == min(per_class, available)
