"""Suspect labels: planted ones are found, ambiguous pictures are not called wrong, and no label
vouches for itself.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import roc_auc_score

from core.labels import FERPLUS8, GENDER2
from evaluation.predictions.schema import P_EMOTION
from evaluation.quality import out_of_fold as folds
from evaluation.quality import run_check
from evaluation.quality.checks import labels
from evaluation.quality.dataset import AuditDataset
from evaluation.quality.duplicates import clusters
from evaluation.quality.features import ImageFeatures
from tests.evaluation.quality import repairs


def with_embedding(
    dataset: AuditDataset, x: np.ndarray, cluster: np.ndarray | None = None
) -> AuditDataset:
    """`dataset` whose embedding is `x` and whose duplicates are `cluster` (default: none)."""
    no_pairs = np.zeros((0, 2), np.int64)
    cluster = np.arange(len(dataset)) if cluster is None else cluster
    near = clusters.NearDuplicates(no_pairs, np.zeros(0, np.float32), cluster, 0, True)
    features = ImageFeatures(dataset.samples, None, embedding=x.astype(np.float32))
    radius = int(dataset.option("near_duplicates", "radius"))
    agreement = float(dataset.option("near_duplicates", "agree"))
    dataset = replace(dataset, features=features, memo={f"near {radius} {agreement} {False}": near})
    assert clusters.near_clusters(dataset) is near
    return dataset


def world(n: int = 600, seed: int = 0, planted: float = 0.05) -> tuple[AuditDataset, np.ndarray]:
    """A dataset whose embedding shows emotion and gender plainly, with `planted` of all genders
    flipped: (dataset, flipped).
    """
    rng = np.random.default_rng(seed)
    dataset = repairs.invented(n, seed)
    true = dataset.samples.gender
    x = rng.normal(0, 1, (n, 24))
    x[np.arange(n), dataset.samples.emotion] += 4
    x[:, 10] += 3 * true
    flipped = rng.random(n) < planted
    samples = replace(dataset.samples, gender=np.where(flipped, 1 - true, true))
    return with_embedding(replace(dataset, samples=samples), x), flipped


def test_flipped_genders_are_found_and_proposed() -> None:
    dataset, flipped = world()
    findings = run_check(labels, dataset)
    rows = [r for r in findings.table.to_pylist() if r["is_issue"] and "gender" in r["reason"]]
    hit = {int(r["sample_id"][:-4]) for r in rows}
    assert (
        len(hit & set(np.flatnonzero(flipped))) >= 0.8 * flipped.sum()
        and len(hit) < 1.6 * flipped.sum()
    )
    for row in rows:
        i = int(row["sample_id"][:-4])
        other = GENDER2.labels[1 - dataset.samples.gender[i]]
        assert (row["action"], row["value"]) in (
            ("relabel", f"gender={other}"),
            ("keep", ""),
        ) and 0 <= row["score"] < 0.5
    assert any(r["action"] == "relabel" for r in rows)
    figures = findings.figures["gender"]
    assert (
        figures["samples"] == 600
        and figures["suspects"] == len(rows)
        and 0.85 < figures["agreement"] < 0.98
    )


def test_a_label_cannot_vouch_for_itself() -> None:
    """With features that say nothing and an exact copy of each sample, a model that had seen the
    copy's label would know it.
    """
    rng = np.random.default_rng(0)
    x = np.repeat(rng.normal(0, 1, (150, 200)), 2, axis=0)
    y = np.repeat(rng.integers(0, 2, 150), 2)
    pairs, alone = np.repeat(np.arange(150), 2), np.arange(300)
    out_of_fold = folds.out_of_fold_probabilities(x, y, pairs, c=1.0)[np.arange(300), y]
    leaky = folds.out_of_fold_probabilities(x, y, alone, c=1.0)[np.arange(300), y]
    assert leaky.mean() > 0.85 and abs(out_of_fold.mean() - 0.5) < 0.1


def test_people_stay_together_too() -> None:
    dataset, _ = world(60)
    who = np.array([f"p{i % 20}" if i < 40 else "" for i in range(60)])
    dataset = replace(dataset, samples=replace(dataset.samples, groups={"subject": who}))
    cluster = np.arange(60)
    cluster[[0, 1]] = 100  # a copy joins two people
    group_numbers = folds.inseparable_groups(
        with_embedding(dataset, dataset.features.embedding, cluster)
    )
    assert (
        group_numbers[0] == group_numbers[20] == group_numbers[1] == group_numbers[21]
        and len(np.unique(group_numbers)) == 19 + 20
    )


def test_split_votes_make_a_picture_ambiguous_and_not_wrong() -> None:
    p = np.full((400, 8), 0.01)
    given = np.arange(400) % 2
    p[np.arange(400), given] = 0.93
    votes = np.zeros((400, 8))
    votes[np.arange(400), given] = 1
    p[:8] = p[8:16, ::1][:, [1, 0, *range(2, 8)]]  # the model says the other of the two
    votes[:4] = 0
    votes[np.arange(4), given[:4]], votes[np.arange(4), 1 - given[:4]] = (
        0.5,
        0.4,
    )  # people were split between them
    votes[:4, 3] = 0.1
    votes[4:6] = np.nan  # nobody voted
    judgement = labels.judge_labels(given, p, votes)
    assert judgement.ambiguous.nonzero()[0].tolist() == [0, 1, 2, 3] and judgement.wrong.nonzero()[
        0
    ].tolist() == [4, 5, 6, 7]
    assert labels.judge_labels(given, p).wrong.nonzero()[0].tolist() == list(range(8))


def test_an_ambiguous_picture_is_listed_with_its_votes_and_is_no_issue() -> None:
    dataset, _ = world(400)
    votes = dataset.samples.emotion_votes.copy()
    some = np.flatnonzero(dataset.samples.emotion == 0)[:5]
    votes[some] = 0
    votes[some, 0], votes[some, 3], votes[some, 4] = 0.5, 0.3, 0.2
    voted = replace(dataset, samples=replace(dataset.samples, emotion_votes=votes))
    findings = run_check(labels, with_embedding(voted, dataset.features.embedding))
    rows = [r for r in findings.table.to_pylist() if r["reason"].startswith("ambiguous")]
    assert {int(r["sample_id"][:-4]) for r in rows} == set(some.tolist())
    assert all(
        not r["is_issue"] and r["action"] == "keep" and f"{FERPLUS8.labels[0]} 50%" in r["reason"]
        for r in rows
    )
    assert findings.figures["emotion"]["ambiguous"] == 5


@pytest.mark.parametrize("outvote", [False, True])
def test_a_new_emotion_is_proposed_against_votes_only_where_wanted(outvote: bool) -> None:
    dataset, _ = world(400)
    emotion, votes = dataset.samples.emotion.copy(), dataset.samples.emotion_votes.copy()
    some = np.flatnonzero(emotion == 0)[:6]
    emotion[some] = 3
    votes[some] = 0
    votes[some, 3] = 1
    votes[some[0], 3], votes[some[0], 4] = 0.9, 0.1
    wrong = replace(dataset, samples=replace(dataset.samples, emotion=emotion, emotion_votes=votes))
    wrong = replace(wrong, options={"labels": {"outvote": outvote, "sure": 0.5}})
    rows = [
        r
        for r in run_check(
            labels, with_embedding(wrong, dataset.features.embedding)
        ).table.to_pylist()
        if r["reason"].startswith("emotion")
    ]
    assert {int(r["sample_id"][:-4]) for r in rows if r["is_issue"]} >= set(some.tolist())
    assert any(r["action"] == "relabel" for r in rows) == outvote


def test_probabilities_can_come_from_a_table(tmp_path: Path) -> None:
    dataset, _ = world(100)
    emotion = dataset.samples.emotion
    p = np.full((100, 8), 0.01)
    p[np.arange(100), emotion] = 0.93
    p[7] = np.roll(p[7], 1)
    columns = {
        "sample_id": list(dataset.samples.ids[:90]),
        "emotion_true": [FERPLUS8.labels[e] for e in emotion[:90]],
    }
    columns |= {P_EMOTION + label: p[:90, i] for i, label in enumerate(FERPLUS8.labels)}
    pq.write_table(pa.table(columns), tmp_path / "T.parquet")
    findings = run_check(
        labels, replace(dataset, options={"labels": {"predictions": str(tmp_path / "T.parquet")}})
    )
    assert [r["sample_id"] for r in findings.table.to_pylist()] == [
        "000007.png"
    ] and findings.table["value"][0].as_py().startswith("emotion=")
    assert set(findings.figures) == {"emotion"} and findings.figures["emotion"]["samples"] == 90


def test_the_only_sample_of_a_class_is_no_suspect_and_no_warning() -> None:
    given = np.array([0] * 30 + [1] * 30 + [2])
    p = np.eye(3)[given] * 0.9 + 0.1 / 3
    p[0], p[60] = (0.05, 0.9, 0.05), (0.9, 0.05, 0.05)
    judged = labels.judge_labels(given, p)
    assert np.flatnonzero(judged.wrong).tolist() == [0]


@pytest.mark.parametrize("case", ["none", "one class", "few", "unreadable", "one person"])
def test_where_nothing_can_be_said(case: str) -> None:
    dataset, _ = world(100 if case != "few" else 12)
    samples = dataset.samples
    if case == "none":
        samples = replace(samples, emotion=np.full(100, -1), gender=np.full(100, -1))
    if case == "one class":
        samples = replace(samples, emotion=np.full(100, 2), gender=np.zeros(100, np.int64))
    x = dataset.features.embedding * (case != "unreadable")
    cluster = np.zeros(len(samples.ids), np.int64) if case == "one person" else None
    findings = run_check(labels, with_embedding(replace(dataset, samples=samples), x, cluster))
    assert len(findings.table) == 0
    assert (
        findings.figures == {}
        if case == "none"
        else all("nothing is said" in f["note"] for f in findings.figures.values())
    )


def test_real_faces_with_flipped_genders(
    data_dir: Path, shipped_model: Path, tmp_path: Path
) -> None:
    """UTKFace pictures that the shipped model was not trained on; docs/data_quality.md has the
    figures of larger samples.
    """
    from core.data import utkface
    from core.data.base.splits import split_of

    for path in sorted((data_dir / "utkface").glob("*.jpg"))[::7]:
        if split_of(path.name) == "val":
            (tmp_path / path.name).symlink_to(path)
    samples = utkface.load(tmp_path, "all")
    flipped = np.random.default_rng(0).random(len(samples)) < 0.06
    given = np.where(flipped, 1 - samples.gender, samples.gender)
    x = ImageFeatures(samples, None, shipped_model).embedding
    p = folds.out_of_fold_probabilities(x, given, np.arange(len(samples)))
    assert len(samples) > 200 and roc_auc_score(flipped, -labels.judge_labels(given, p).score) > 0.9


def move_emotions(
    emotion: np.ndarray, votes: np.ndarray, share: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Another emotion at random takes the majority's place in `share` of the samples:
    (emotion, votes, moved (N,) bool).
    """
    rng = np.random.default_rng(0)
    moved = np.zeros(len(emotion), bool)
    moved[rng.choice(len(emotion), round(share * len(emotion)), replace=False)] = True
    wrong, swapped = emotion.copy(), votes.copy()
    for i in np.flatnonzero(moved):
        wrong[i] = (emotion[i] + rng.integers(1, 8)) % 8
        swapped[i, [emotion[i], wrong[i]]] = votes[i, [wrong[i], emotion[i]]]
    return wrong, swapped, moved


def test_real_faces_with_moved_emotions(data_dir: Path, shipped_model: Path) -> None:
    """Every fifth picture of FER+'s validation split; the votes of the two emotions change places,
    so they give nothing away.
    """
    from core.data import ferplus

    samples = ferplus.load(data_dir, "val")
    samples = samples.take(np.flatnonzero(samples.emotion >= 0)[::5])
    given, votes, planted = move_emotions(samples.emotion, samples.emotion_votes, 0.05)
    used, y = np.unique(given, return_inverse=True)
    p = np.zeros((len(given), 8))
    p[:, used] = folds.out_of_fold_probabilities(
        ImageFeatures(samples, None, shipped_model).embedding, y, np.arange(len(given))
    )
    judged = labels.judge_labels(given, p, votes)
    assert len(given) > 700 and roc_auc_score(planted, -judged.score) > 0.85
    assert judged.wrong[planted].mean() > 0.5 > judged.wrong[~planted].mean()
