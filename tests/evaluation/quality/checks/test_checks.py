"""Each check finds the fault that was planted for it, and little else; every check keeps the
contract.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.data import Samples
from core.data.base.samples import missing, one_hot
from core.errors import UserError
from core.labels import FERPLUS8, GENDER2
from core.types import Face
from evaluation.quality import (
    ACTIONS,
    SCHEMA,
    AuditDataset,
    Findings,
    image_features,
    load_checks,
    make_findings,
    open_dataset,
    run_check,
)
from evaluation.quality.dataset import join_splits
from evaluation.quality.duplicates import clusters
from evaluation.quality.features import ImageFeatures
from tests.evaluation.quality import faulty

EVERY = load_checks(
    [
        "class_balance",
        "conflicts",
        "drift",
        "exact_files",
        "exact_pixels",
        "face_count",
        "faults",
        "leaks",
        "mirrored",
        "near_duplicates",
        "split_shares",
        "unreadable",
    ]
)


class OneFace:
    """Finds one face everywhere, none in blank pictures, two in broad ones."""

    name = "one"

    def __call__(self, image: np.ndarray, long_side: int = 0) -> list[Face]:
        if image.std() < 1:
            return []
        faces = [Face((5.0, 5.0, 40.0, 40.0), 0.9)]
        return (
            faces
            if image.shape[1] >= image.shape[0]
            else [*faces, Face((50.0, 5.0, 30.0, 30.0), 0.7)]
        )


@pytest.fixture(scope="module")
def planted(
    tmp_path_factory: pytest.TempPathFactory, tiny_bundle: Path
) -> tuple[AuditDataset, dict[str, str]]:
    root = faulty.tree(tmp_path_factory.mktemp("faulty"))
    names = faulty.faults(root)
    return open_dataset(
        "image_folder", root, cache=False, model=tiny_bundle, detector=OneFace()
    ), names


def issues(findings: Findings) -> set[str]:
    return set(findings.issues["sample_id"].to_pylist())


def run(dataset: AuditDataset, name: str) -> Findings:
    return run_check(EVERY[name], dataset)


def rows_of(dataset: AuditDataset, name: str) -> list[dict[str, Any]]:
    return run(dataset, name).table.to_pylist()


@pytest.mark.parametrize("name", sorted(EVERY))
def test_contract(name: str, planted: tuple[AuditDataset, dict[str, str]]) -> None:
    check = EVERY[name]
    assert name == check.name and check.title
    findings = run(planted[0], name)
    table = findings.table
    assert table.schema.equals(SCHEMA) and table.num_rows > 0
    assert all(isinstance(v, (bool, int, float, str)) for v in check.options.values())
    rows = table.to_pylist()
    assert all(0 <= r["score"] <= 1 and r["action"] in ACTIONS and r["reason"] for r in rows)
    flags = [r["is_issue"] for r in rows]
    assert flags == sorted(flags, reverse=True)
    assert run(planted[0], name).table.equals(table)
    json.dumps(dict(findings.figures), allow_nan=False)


def test_each_fault_is_found(planted: tuple[AuditDataset, dict[str, str]]) -> None:
    dataset, names = planted
    assert issues(run(dataset, "exact_files")) == {names["bytes"]}
    assert issues(run(dataset, "exact_pixels")) == {
        names["bytes"],
        names["pixels"],
    }  # the copy in train goes, that in val stays
    assert issues(run(dataset, "near_duplicates")) == {names["near"]}
    assert issues(run(dataset, "leaks")) == {names["pixels"], names["near"]}
    assert issues(run(dataset, "mirrored")) <= {
        names["mirror"],
        f"train/{faulty.SECOND}/006.png",
    } and issues(run(dataset, "mirrored"))
    left_out = run(dataset, "unreadable")
    assert {names["broken"], names["notes"]} <= set(left_out.table["sample_id"].to_pylist())
    reasons = {(r["sample_id"], r["reason"].split(":")[0]) for r in rows_of(dataset, "faults")}
    assert {
        (names[n], n) for n in ("blank", "dark", "bright", "blurred", "tiny", "grey")
    } <= reasons
    assert (names["entropy"], "low entropy") in reasons
    clean = (
        {i for i, _ in reasons} - {names[n] for n in names} - {f"train/{faulty.FIRST}/blank2.png"}
    )
    assert len(clean) <= 3, clean


def test_leaks_say_where(planted: tuple[AuditDataset, dict[str, str]]) -> None:
    dataset, _ = planted
    table = run(dataset, "leaks")
    assert table.figures["same_pixels"] == {"train in val": 1, "val in train": 1}
    assert table.figures["same_or_near"] == {"train in val": 2, "val in train": 2}
    only = replace(dataset, options={"leaks": {"near": False}})
    assert (
        len(issues(run(only, "leaks"))) == 1 and run(only, "leaks").figures["same_or_near"] is None
    )


def test_conflicts_suggest_what_most_copies_say(
    planted: tuple[AuditDataset, dict[str, str]],
) -> None:
    rows = rows_of(planted[0], "conflicts")
    assert {r["sample_id"] for r in rows} == {
        f"train/{faulty.SECOND}/002.png",
        f"val/{faulty.FIRST}/pixels.png",
    }
    assert all(
        r["action"] == "keep" and r["is_issue"] and r["value"] == "" for r in rows
    )  # one against one: somebody has to look


def dataset_of(split: list[str], **columns: Any) -> AuditDataset:
    """A data set without files, whose images share only what a test puts there."""
    n = len(split)
    samples = Samples(
        "x",
        "all",
        Path(),
        tuple(f"{i}" for i in range(n)),
        tuple(Path(f"{i}") for i in range(n)),
        **(missing(n) | columns),
    )
    stored = [("stat", "S16"), ("sha", "S32")]
    fields = [(f, image_features.RECORD[f]) for f in image_features.RECORD.names]
    records = np.zeros(n, np.dtype([*stored, *fields]))
    features = ImageFeatures(samples, None, images=records)
    return AuditDataset(samples, np.array(split), (), features, "x")


def test_conflict_of_three_and_votes() -> None:
    emotion = np.array([1, 1, 3, 2])
    gender, age = np.array([0, 0, 1, 1]), np.array([20, 20.5, 40, 90], np.float32)
    dataset = dataset_of(
        ["train"] * 4, emotion=emotion, emotion_votes=one_hot(emotion), gender=gender, age=age
    )
    records = dataset.features.images
    records["readable"], records["pixels"] = True, [b"a", b"a", b"a", b"b"]
    rows = rows_of(replace(dataset, options={"conflicts": {"near": False}}), "conflicts")
    wrong = {
        (r["sample_id"], r["value"]) for r in rows if r["is_issue"] and r["action"] == "relabel"
    }
    assert wrong == {("2", f"emotion={FERPLUS8.labels[1]}"), ("2", f"gender={GENDER2.labels[0]}")}
    ages = [r for r in rows if r["reason"].startswith("age")]
    assert {r["sample_id"] for r in ages} == {"0", "1", "2"} and min(
        ages, key=lambda r: r["score"]
    )["sample_id"] == "2"


def test_a_chain_of_copies_is_one_cluster() -> None:

    joined = clusters.connected_components(6, np.array([[0, 1], [1, 2], [4, 5]]))
    assert [g.tolist() for g in clusters.cluster_members(joined)] == [[0, 1, 2], [4, 5]]


def test_shares() -> None:
    dataset = dataset_of(["train"] * 60 + ["val"] * 40)
    rows = {r["split"]: r for r in rows_of(dataset, "split_shares")}
    assert (
        all(rows[s]["is_issue"] for s in ("train", "val", "test"))
        and "60.0%" in rows["train"]["reason"]
    )
    fit = replace(dataset, options={"split_shares": {"target": "60/40/0"}})
    assert not issues(run(fit, "split_shares"))
    with pytest.raises(UserError, match="three shares"):
        run(replace(dataset, options={"split_shares": {"target": "60/40"}}), "split_shares")


def test_one_class_and_missing_classes() -> None:
    gender = np.array([0] * 100 + [0] * 60 + [1] * 40)
    one = rows_of(dataset_of(["train"] * 100, gender=gender[:100]), "class_balance")
    assert any(r["is_issue"] and "only one class" in r["reason"] for r in one)
    both = rows_of(dataset_of(["train"] * 100 + ["val"] * 100, gender=gender), "class_balance")
    assert [r["reason"] for r in both if r["is_issue"]] == [
        f"gender {GENDER2.labels[1]}: none in train"
    ]


def test_faces(planted: tuple[AuditDataset, dict[str, str]]) -> None:
    dataset, names = planted
    table = run(dataset, "face_count")
    reasons = {r["sample_id"]: r["reason"] for r in table.table.to_pylist()}
    assert reasons[names["blank"]] == "no face found" and reasons[names["grey"]].startswith(
        "2 faces"
    )
    assert table.figures["no_face"] == 2 and table.figures["several"] == 1


def test_the_same_name_in_two_splits() -> None:
    one = dataset_of(["train"] * 3).samples
    joined, split, problems = join_splits({"train": one, "val": replace(one, split="val")})
    assert len(joined) == 3 and set(split) == {"train"}
    assert len(problems) == 3 and all("stands in another split" in p.reason for _, p in problems)


def test_blank_pictures_do_not_explode(planted: tuple[AuditDataset, dict[str, str]]) -> None:
    """Two blank pictures of different grey are near everything by hash; they are no duplicates of
    each other.
    """
    dataset, names = planted
    assert names["blank"] not in set(run(dataset, "near_duplicates").table["sample_id"].to_pylist())
    dataset = dataset_of(["train"] * 20_000)
    rng = np.random.default_rng(0)
    records = dataset.features.images
    records["readable"], records["std"], records["pixels"] = (
        True,
        50,
        [b"%d" % i for i in range(20_000)],
    )
    records["thumb"] = rng.integers(0, 256, (1, 32, 32))  # one hash, 20,000 different pictures
    records["hash"], records["mirror"] = 0x0F0F, 0x0F0F

    pairs, complete = clusters.candidate_pairs(records, 6)
    assert complete and len(pairs) < 200_000


def test_findings_refuses_mistakes() -> None:
    with pytest.raises(ValueError, match="scores"):
        make_findings({"sample_id": ["a"], "score": [1.5], "reason": ["x"]})
    with pytest.raises(ValueError, match="actions"):
        make_findings({"sample_id": ["a"], "score": [0.5], "reason": ["x"], "action": ["burn"]})
    with pytest.raises(ValueError, match="columns"):
        make_findings({"sample": ["a"]})
    assert make_findings([]).table.num_rows == 0
    with pytest.raises(UserError, match="near_duplicates"):
        load_checks(["near_duplicate"])
