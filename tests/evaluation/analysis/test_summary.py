"""Figures of a table: votes, clusters, bands and areas come from the right rows and in the right
order of classes.
"""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import balanced_accuracy_score, cohen_kappa_score, roc_auc_score

from core.labels import FERPLUS8, age_decade
from evaluation.analysis.summary import table_report
from evaluation.predictions import arrays
from evaluation.predictions.schema import P_COLUMNS, to_schema
from evaluation.statistics.estimate import to_json_values

LABELS = np.array(FERPLUS8.labels)


def small_table(n: int = 300, **more: object) -> pa.Table:
    """A table of all tasks; classes 1, 3 and 4 only, a tenth without votes."""
    rng = np.random.default_rng(5)
    p = np.zeros((n, 8))
    p[:, [1, 3, 4]] = rng.dirichlet(np.ones(3), n)
    votes = rng.dirichlet(np.ones(8) * 0.3, n)
    true = rng.choice([1, 3, 4], n)
    ages = rng.integers(0, 100, n).astype(float)
    columns: dict[str, object] = {
        "sample_id": [str(i) for i in range(n)],
        "emotion_true": LABELS[true],
        "age_true": ages,
        "age_pred": ages + rng.normal(0, 8, n),
        "emotion_votes": [None if i % 10 == 0 else votes[i].tolist() for i in range(n)],
    }
    return to_schema(
        pa.table(columns | {c: p[:, i] for i, c in enumerate(P_COLUMNS) if i in (1, 3, 4)} | more)
    )


def test_every_figure_comes_from_its_own_rows() -> None:
    table = small_table()
    report, frame = table_report(table), table.to_pandas()
    json.dumps(to_json_values(report), allow_nan=False)
    emotion, p = report.emotion, frame[[P_COLUMNS[i] for i in (1, 3, 4)]].to_numpy(float)
    called = LABELS[[1, 3, 4]][p.argmax(axis=1)]
    assert emotion.labels == LABELS[[1, 3, 4]].tolist()
    assert emotion.balanced_accuracy.value == pytest.approx(
        balanced_accuracy_score(frame.emotion_true, called), abs=1e-12
    )
    assert emotion.kappa.value == pytest.approx(
        cohen_kappa_score(frame.emotion_true, called), abs=1e-12
    )
    for i, row in enumerate(emotion.per_class):
        assert row.auroc == pytest.approx(
            roc_auc_score(frame.emotion_true == row.label, p[:, i]), abs=1e-7
        )
    voted = frame.emotion_votes.notna().to_numpy()
    shares = np.stack(frame.emotion_votes[voted].to_list())
    places = np.array([FERPLUS8.index(c) for c in called[voted]])
    assert emotion.votes.n == 270 and emotion.votes.ceiling.value == pytest.approx(
        shares.max(axis=1).mean(), abs=1e-6
    )
    assert emotion.votes.majority.value == (places == shares.argmax(axis=1)).mean()
    assert (
        emotion.votes.any.value
        == (shares[np.arange(270), places] >= 0.3).mean()
        > emotion.votes.majority.value
    )
    age = report.age
    decades = np.array([age_decade(a) for a in frame.age_true])
    error = (frame.age_pred - frame.age_true).to_numpy()
    assert {d.decade: d.mae for d in age.decades} == pytest.approx(
        {d: np.abs(error)[decades == d].mean() for d in set(decades)}
    )
    assert age.bands.off_by[0] == np.trace(age.bands.confusion) / 300 and age.bands.off_by[-1] == 1


def test_pictures_of_one_person_make_the_interval_wider() -> None:
    """Every sample ten times, by one person: as much evidence as once."""
    rng = np.random.default_rng(0)
    once = rng.random(60) < 0.7
    hit = np.repeat(once, 10)
    base = {
        "emotion_true": [LABELS[0]] * 600,
        "emotion_pred": np.where(hit, LABELS[0], LABELS[1]),
        "emotion_votes": [None] * 600,
    }
    subjects = np.repeat(np.arange(60), 10).astype(str)
    table = small_table(600, **base).drop_columns([P_COLUMNS[i] for i in (1, 3, 4)])
    alone = table_report(table).emotion
    together = table_report(table.append_column("group_subject", pa.array(subjects))).emotion
    width = [f.accuracy.high - f.accuracy.low for f in (alone, together)]
    assert (
        width[1] / width[0] == pytest.approx(10**0.5, rel=0.15)
        and alone.accuracy.value == together.accuracy.value
    )
    assert (alone.clusters, together.clusters) == (None, 60) and "subject" not in together.groups
    assert together.macro_f1.high - together.macro_f1.low > 2 * (
        alone.macro_f1.high - alone.macro_f1.low
    )
    assert together.votes is None


@pytest.mark.parametrize("nothing", [None, ""])
def test_a_sample_without_a_name_is_a_cluster_of_its_own(nothing: str | None) -> None:
    table = small_table(6).append_column(
        "group_identity", pa.array(["a", nothing, "b", "a", nothing, "b"])
    )
    report = arrays.clusters(table)
    assert (
        report is not None
        and len(set(report.tolist())) == 4
        and report[0] == report[3]
        and report[1] != report[4]
    )
    assert arrays.clusters(small_table(6)) is None


def test_the_share_of_faces_goes_by_persons() -> None:
    """One person of six without a face in ten pictures, and wrong in them: the same interval."""
    person = np.repeat(np.arange(6), 10)
    columns = {
        "emotion_true": [LABELS[0]] * 60,
        "emotion_pred": np.where(person > 0, LABELS[0], LABELS[1]),
        "emotion_votes": [None] * 60,
        "face_found": (person > 0).tolist(),
        "group_subject": person.astype(str),
    }
    table = small_table(60, **columns).drop_columns([P_COLUMNS[i] for i in (1, 3, 4)])
    report = table_report(table)
    assert report.face_found == report.emotion.accuracy
    one_unknown = [None, *columns["face_found"][1:]]
    table = small_table(60, **columns | {"face_found": one_unknown})
    assert table_report(table).face_found.n == 59


def test_data_without_voters_have_no_agreement_with_voters() -> None:
    one_hot = np.eye(8)[np.arange(300) % 8]
    votes = [None if i % 7 == 0 else one_hot[i].tolist() for i in range(300)]
    assert table_report(small_table(emotion_votes=votes)).emotion.votes is None
    voted = one_hot.copy()
    voted[1] = [0.5, 0.5, 0, 0, 0, 0, 0, 0]  # one divided vote shows that people voted
    assert table_report(small_table(emotion_votes=voted.tolist())).emotion.votes.n == 300
