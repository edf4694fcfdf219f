"""Two versions of a data set, and copies in them, against pandas and a direct count."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from evaluation.composition.changes import compare
from evaluation.composition.copies import checks_of_samples, clusters_in, copies_in, holds_any
from evaluation.composition.listing import NO_SPLIT
from evaluation.quality.checks.leaks import leak_counts
from evaluation.quality.repair.review import COLUMNS, CheckSummary, FindingsFile, FindingsHeader
from tests.evaluation.composition.listings import IDS, QUICK, frames, listing


@QUICK
@given(frames(), frames())
def test_changes_are_those_of_a_merge(before: pd.DataFrame, after: pd.DataFrame) -> None:
    changes = compare(listing(before), listing(after))
    both = before.merge(after, on="id", suffixes=("", "_new")).replace({"split": {"": NO_SPLIT}})
    both = both.replace({"split_new": {"": NO_SPLIT}})
    assert (changes.kept, changes.removed, changes.added) == (
        len(both),
        len(before) - len(both),
        len(after) - len(both),
    )
    moved = both[both["split"] != both["split_new"]]
    assert changes.moves == moved.groupby(["split", "split_new"]).size().to_dict()
    assert changes.moved == len(moved)
    same = (both["yaw"] == both["yaw_new"]) | (both["yaw"].isna() & both["yaw_new"].isna())
    assert changes.relabelled == {
        "mask": (both["mask"] != both["mask_new"]).sum(),
        "yaw": (~same).sum(),
    }


def findings(rows: list[dict[str, object]]) -> FindingsFile:
    checks = {str(row["check"]): CheckSummary(f"title of {row['check']}", 0, 0) for row in rows}
    header = FindingsHeader("d", "", "", "", 0, {}, checks)
    return FindingsFile(pa.Table.from_pylist(rows, COLUMNS), header)


def row(check: str, sample_id: str | None, group: str | None, is_issue: bool) -> dict[str, object]:
    has_sample = sample_id is not None
    return {
        "check": check,
        "sample_id": sample_id,
        "group": group,
        "is_issue": is_issue,
        "known": has_sample,
    }


CLUSTERS = st.dictionaries(st.sampled_from(IDS), st.sampled_from(["c0", "c1", "c2"]), min_size=1)


@QUICK
@given(frames(), CLUSTERS)
def test_copies_are_counted_as_the_version_divides_them(
    frame: pd.DataFrame, cluster: dict[str, str]
) -> None:
    one = listing(frame)
    rows = [row("near", sample, group, sample < "s5") for sample, group in cluster.items()]
    rows += rows[:1]  # a sample that is named twice counts once
    copies = copies_in(one, findings(rows), "near")
    here = frame.assign(group=frame["id"].map(cluster), split=frame["split"].replace("", NO_SPLIT))
    size = here.groupby("group").size()
    n_splits = here.groupby("group")["split"].nunique()
    assert copies.clusters == (size > 1).sum() and copies.issues == (size - 1).sum()
    assert copies.leaking_clusters == (n_splits > 1).sum()
    alone = [{**one_row, "group": None} for one_row in rows]
    assert copies_in(one, findings(alone), "near").issues == sum(
        s < "s5" and s in cluster for s in frame["id"]
    ), "without clusters, what the check calls an issue"
    # The same figures as the check of leaks has; a sample without a cluster is one of its own.
    numbers = here["group"].fillna(here["id"]).to_numpy(str)
    codes = np.unique(numbers, return_inverse=True)[1]
    expected = leak_counts(codes, here["split"].to_numpy(str))
    at = {split: i for i, split in enumerate(one.splits.labels)}
    for a, b in combinations(one.splits.labels, 2):
        assert copies.leaks[at[a], at[b]] == expected[f"{a} in {b}"]
        assert copies.leaks[at[b], at[a]] == expected[f"{b} in {a}"]
    shown = clusters_in(one, findings(rows), "near", 10)
    assert len(shown) == copies.clusters
    crosses = [len(set(one.splits.codes[places].tolist())) > 1 for places in shown]
    assert crosses == sorted(crosses, reverse=True), "those across splits come first"
    assert holds_any(one, findings(rows)) == bool(set(cluster) & set(frame["id"]))


def test_leaks_are_left_out_where_another_check_has_their_clusters() -> None:
    near, leak = row("near", "s0", "c", True), row("leaks", "s0", "l", True)
    shares = row("split_shares", None, None, True)
    fault = row("faults", "s1", None, True)
    assert checks_of_samples(findings([shares, leak, near, fault])) == ["near", "faults"]
    assert checks_of_samples(findings([shares, leak, fault])) == ["leaks", "faults"]
