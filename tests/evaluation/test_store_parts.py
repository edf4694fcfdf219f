"""What the studio's pages compute from counts equals the library and scikit-learn on the rows themselves, alone and over persons."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn import metrics as oracle

from core.labels import FERPLUS8
from evaluation import paired, table, transfer, views
from evaluation.conform import TASKS
from evaluation.figures import figures
from evaluation.generate import generate
from evaluation.metrics import abstention, calibration, significance
from evaluation.neighbours import Neighbours
from evaluation.store import Store, Where, around, confidence, each_class, pairs, part
from evaluation.store.drawn import UNITS, counted, unit
from tests.apps.studio.conftest import predictions

A = Where(models=("a",))


def opened(whole: pa.Table, folder: Path) -> Store:
    path = folder / "t.parquet"
    table.write(whole, path, table.Meta(dataset="made", split="val"))
    return Store.open([path])


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[pa.Table, Store]:
    """Two models on the same 1,500 samples, without persons; b lacks the last 40."""
    whole = pa.concat_tables([predictions(1500, "a"), predictions(1500, "b", seed=5).slice(0, 1460)])
    return whole, opened(whole, tmp_path_factory.mktemp("alone"))


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> tuple[pa.Table, Store]:
    """Two models on 3,000 samples of about 300 persons."""
    whole = pa.concat_tables([generate(3000, model="a"), generate(3000, model="b")])
    return whole, opened(whole, tmp_path_factory.mktemp("people"))


def of(whole: pa.Table, model: str) -> pa.Table:
    return views.one_model(whole, model)


def close(f: dict, other: dict, slack: float = 0.25) -> None:
    """The same figure, and an interval of about the same width in about the same place."""
    assert f["value"] == pytest.approx(other["value"], abs=1e-12) and f["n"] == other["n"]
    wide = other["high"] - other["low"]
    assert f["low"] == pytest.approx(other["low"], abs=slack * wide + 1e-9) and f["high"] == pytest.approx(
        other["high"], abs=slack * wide + 1e-9
    )


@pytest.mark.parametrize("which", ["alone", "people"])
@pytest.mark.parametrize("task", ["emotion", "gender"])
def test_classes_equal_scikit_learn_and_the_report(which: str, task: str, request: pytest.FixtureRequest) -> None:
    whole, store = request.getfixturevalue(which)
    found, report = each_class.per_class(store, task, A), figures(of(whole, "a"))[task]
    seen = views.classes(of(whole, "a"), task)
    assert seen is not None and seen.p is not None
    precision, recall, f1, support = oracle.precision_recall_fscore_support(
        seen.true, seen.pred, labels=range(len(seen.labels)), zero_division=0
    )
    for i, (row, other) in enumerate(zip(found, report["per_class"], strict=True)):
        assert (row["label"], row["n"], row["called"]) == (seen.labels[i], support[i], (seen.pred == i).sum())
        for name, value in (("precision", precision[i]), ("recall", recall[i]), ("f1", f1[i])):
            assert row[name]["value"] == pytest.approx(value, abs=1e-12)
        close(row["recall"], other["recall"])
        close(row["precision"], other["precision"])
        assert row["f1"]["low"] == pytest.approx(other["f1_ci95"][0], abs=0.02)
        curve = each_class.curve(store, task, A, row["label"])
        assert curve is not None and (curve.n, curve.others) == (support[i], len(seen.true) - support[i])
        assert curve.auroc["value"] == pytest.approx(oracle.roc_auc_score(seen.true == i, seen.p[:, i]), abs=5e-4)
        assert curve.ap["value"] == pytest.approx(oracle.average_precision_score(seen.true == i, seen.p[:, i]), abs=5e-3)
        assert curve.auroc["low"] <= curve.auroc["value"] <= curve.auroc["high"]
        assert curve.roc[0][0] == 0 and curve.roc[1][-1] == 1 and curve.pr[0][-1] == 1


def test_intervals_of_areas_are_those_of_a_bootstrap(alone) -> None:
    whole, store = alone
    seen = views.classes(of(whole, "a"), "emotion")
    assert seen is not None and seen.p is not None
    rng, drawn = np.random.default_rng(0), []
    for _ in range(300):
        at = rng.integers(0, len(seen.true), len(seen.true))
        drawn.append(oracle.roc_auc_score(seen.true[at] == 2, seen.p[at, 2]))
    low, high = np.quantile(drawn, [0.025, 0.975])
    curve = each_class.curve(store, "emotion", A, seen.labels[2])
    assert curve is not None and curve.auroc["high"] - curve.auroc["low"] == pytest.approx(high - low, rel=0.25)


@pytest.mark.parametrize("which", ["alone", "people"])
@pytest.mark.parametrize("task", TASKS)
def test_two_models_compare_as_their_tables_do(which: str, task: str, request: pytest.FixtureRequest) -> None:
    whole, store = request.getfixturevalue(which)
    other = paired.compare(of(whole, "a"), of(whole, "b"))
    found, wanted = pairs.compare(store, task, "a", "b", Where()), other[task]
    assert found is not None and wanted is not None
    assert (found["n"], found["only_a"], found["only_b"]) == (wanted["n"], other["only_a"], other["only_b"])
    for name in ("accuracy", "macro_f1", "mae"):
        assert (name in found) == (name in wanted)
        if name in found:
            assert (found[name]["a"], found[name]["b"]) == pytest.approx((wanted[name]["a"], wanted[name]["b"]), abs=1e-12)
            close(found[name]["difference"], wanted[name]["difference"])
    test = "paired_t" if task == "age" else "mcnemar"
    assert found[test]["p"] == pytest.approx(wanted[test]["p"], abs=1e-9) and found[test]["test"] == wanted[test]["test"]
    mine = {(p["by"], p["value"]): p for p in found["parts"]}
    assert set(mine) == {(p["by"], p["value"]) for p in wanted["parts"]}
    for p in wanted["parts"]:
        here = mine[p["by"], p["value"]]
        assert (here["n"], here["wins"], here["losses"], here["better"]) == (p["n"], p["wins"], p["losses"], p["better"])
        assert here["p"] == pytest.approx(p["p"], abs=1e-9) and here["p_adjusted"] == pytest.approx(p["p_adjusted"], abs=1e-9)


def test_samples_with_different_truths_or_one_model_are_left_out(tmp_path: Path) -> None:
    first, second, third = FERPLUS8.labels[:3]
    whole = pa.table({
        "sample_id": ["1", "2", "3", "1", "2", "4"], "model": ["a"] * 3 + ["b"] * 3,
        "emotion_true": [first, second, first, first, third, first],
        "emotion_pred": [first, second, first, second, third, first],
    })  # fmt: skip
    store = opened(whole, tmp_path)
    found = pairs.compare(store, "emotion", "a", "b", Where())
    assert found is not None and (found["n"], found["truth_differs"], found["only_a"], found["only_b"]) == (1, 1, 1, 1)
    assert found["mcnemar"]["only_a"] == 1 and found["mcnemar"]["p"] == significance.mcnemar(1, 0)
    assert pairs.compare(store, "emotion", "a", "b", Where(text="3")) is None
    n, rows = pairs.disagreements(store, "emotion", "a", "b", Where(), "a")
    assert n == 1 and rows.to_pylist() == [{"sample_id": "1", "dataset": "", "true": first, "a": first, "b": second}]


def test_disagreements_are_of_their_kind(alone) -> None:
    _, store = alone
    counts = pairs.compare(store, "emotion", "a", "b", Where())
    assert counts is not None
    for kind, wanted in (("a", counts["mcnemar"]["only_a"]), ("b", counts["mcnemar"]["only_b"])):
        n, rows = pairs.disagreements(store, "emotion", "a", "b", Where(), kind, limit=7)
        assert n == wanted and len(rows) == 7
        other = "b" if kind == "a" else "a"
        assert all(r[kind] == r["true"] != r[other] for r in rows.to_pylist())
    n, rows = pairs.disagreements(store, "emotion", "a", "b", Where(), "neither")
    assert n == len(rows) and all(len({r["true"], r["a"], r["b"]}) == 3 for r in rows.to_pylist())
    n, rows = pairs.disagreements(store, "age", "a", "b", Where(), limit=50)
    far = [abs(r["a"] - r["b"]) for r in rows.to_pylist()]
    assert far == sorted(far, reverse=True)


@pytest.mark.parametrize("which", ["alone", "people"])
def test_confidence_equals_the_report(which: str, request: pytest.FixtureRequest) -> None:
    whole, store = request.getfixturevalue(which)
    report, seen = figures(of(whole, "a"))["emotion"], views.classes(of(whole, "a"), "emotion")
    assert seen is not None and seen.p is not None
    top, right = seen.p.max(axis=1), seen.p.argmax(axis=1) == seen.true
    diagram, each, error = confidence.reliability(store, "emotion", A)
    exact = calibration.reliability(top, right)
    assert diagram.count.tolist() == exact.count.tolist()
    for f, share, n in zip(each, exact.accuracy, exact.count, strict=True):
        assert f["n"] == n and (f["value"] is None if n == 0 else f["value"] == pytest.approx(share, abs=1e-12))
    assert error["value"] == pytest.approx(report["ece"]["value"], abs=1e-6)
    assert error["high"] - error["low"] == pytest.approx(report["ece"]["high"] - report["ece"]["low"], rel=0.25)
    curve, area = confidence.risk_coverage(store, "emotion", A) or (None, None)
    assert curve is not None and area is not None
    assert area["value"] == pytest.approx(abstention.aurc(top, right), abs=2e-3)
    assert area["high"] - area["low"] == pytest.approx(report["aurc"]["high"] - report["aurc"]["low"], rel=0.3)
    assert curve.coverage[-1] == 1 and curve.risk[-1] == pytest.approx(1 - right.mean(), abs=1e-12)
    for band in confidence.bands(store, "emotion", A):
        single = top.astype(np.float32)
        here = (single >= np.float32(band.low)) & ((single < np.float32(band.high)) | (band.high >= 1))
        assert band.share["value"] == pytest.approx(here.mean(), abs=1e-12) and band.accuracy["n"] == here.sum()
        assert band.accuracy["value"] == pytest.approx(right[here].mean(), abs=1e-12)


def test_a_temperature_mends_what_one_was_spoilt_by(tmp_path: Path) -> None:
    whole = generate(12_000, model="a")  # its logits are 1.4 times too large, by its own words
    store = opened(whole.drop_columns(["group_subject"]), tmp_path)
    (sure, unsure) = confidence.bands(store, "emotion", A, 0.95)
    assert (sure.high, sure.low, unsure.high, unsure.low) == (1.0, 0.95, 0.95, 0.0), "a limit over 90 % leaves no band between"
    assert sure.accuracy["n"] + unsure.accuracy["n"] == sum(b.accuracy["n"] for b in confidence.bands(store, "emotion", A))
    found = confidence.temperature(store, "emotion", A)
    assert found is not None and found.fitted + found.n == 12_000
    seen = views.classes(whole, "emotion")
    assert seen is not None and seen.p is not None
    assert found.value == pytest.approx(calibration.fit_temperature(np.log(seen.p), seen.true), rel=0.06)
    assert found.before["value"] > found.after["value"] and found.change["high"] < 0
    assert found.change["value"] == pytest.approx(found.after["value"] - found.before["value"])
    assert confidence.temperature(store, "emotion", A.but(text="s000000001")) is None


@pytest.mark.parametrize("which", ["alone", "people"])
def test_intervals_of_ages(which: str, request: pytest.FixtureRequest) -> None:
    whole, store = request.getfixturevalue(which)
    report, seen = figures(of(whole, "a"))["age"], views.ages(of(whole, "a"))
    assert seen is not None and seen.low is not None and seen.high is not None
    found = confidence.age_intervals(store, A)
    close(found[0].coverage, report["interval"]["coverage"])
    assert found[0].width == pytest.approx(report["interval"]["mean_width"], abs=1e-4) and found[0].decade == ""
    assert sum(d.coverage["n"] for d in found[1:]) == found[0].coverage["n"] and [d.decade for d in found[1:]] == sorted(
        store.groups["age_decade"]
    )
    held = (seen.low <= seen.true) & (seen.true <= seen.high)
    old = seen.true >= 80
    assert found[-1].coverage["value"] == pytest.approx(held[old].mean(), abs=1e-12)
    factor, share = confidence.stretch(store, A, 0.8) or (0, None)
    exact = np.quantile(np.abs(seen.true - (seen.low + seen.high) / 2) / ((seen.high - seen.low) / 2), 0.8)
    assert share is not None and factor == pytest.approx(exact, rel=0.1) and share["low"] <= 0.82 and share["high"] >= 0.78


def test_persons_are_drawn_whole_and_merged_where_they_are_many(people, tmp_path: Path) -> None:
    whole, store = people
    seen = counted(store, A, "0", 1)
    assert seen.n == 3000 and seen.totals is not None and len(seen.totals) == len(set(of(whole, "a")["group_subject"].to_pylist()))
    many = opened(generate(8000, model="a", per_person=2), tmp_path)
    merged = counted(many, Where(), "0", 1)
    assert merged.totals is not None and 0.9 * UNITS < len(merged.totals) <= UNITS and merged.totals.sum() == 8000
    assert "hash" in unit(many) and "hash" not in unit(store)


def test_a_share_that_no_round_can_change_keeps_an_interval(people) -> None:
    _, store = people
    everything = counted(store, A, "1", 2)
    hits = np.array([False, True])
    f = everything.share(hits, np.array([True, True]))
    assert f["value"] == 1 and 0.98 < f["low"] < 1 and f["high"] == 1
    assert everything.share(hits, np.array([True, False]))["value"] is None


def test_part_of_a_store_is_a_table_again(people) -> None:
    whole, store = people
    made = part.table(store, "emotion", A, 10_000)
    mine, theirs = views.classes(made, "emotion"), views.classes(of(whole, "a"), "emotion")
    assert mine is not None and theirs is not None and mine.p is not None and theirs.p is not None
    assert (mine.true == theirs.true).all() and (mine.pred == theirs.pred).all() and np.allclose(mine.p, theirs.p, atol=1e-6)
    assert set(views.coded_groups(made)) == set(views.coded_groups(whole)) and views.cluster_name(made) == "group_subject"
    few = part.table(store, "emotion", A, 1000)
    assert 500 < len(few) < 1500 and few.equals(part.table(store, "emotion", A, 1000))
    both = set(few["group_subject"].to_pylist())
    assert sum(p in both for p in made["group_subject"].to_pylist()) == len(few), "persons come whole"


def test_places_walk_through_every_sample_once(alone) -> None:
    _, store = alone
    where = A.but(task="emotion", true=FERPLUS8.labels[1], right=False)
    for order in ("row", "-confidence", "confidence", "-error"):
        wanted = store.samples(where, order, 1000)["sample_id"].to_pylist()
        walked, at = [], around.place(store, where, "", order=order).after
        while at is not None:
            walked.append(at[0])
            here = around.place(store, where, *at, order)
            assert here.at == len(walked) and here.n == len(wanted)
            assert here.before == (None if len(walked) == 1 else (walked[-2], "made"))
            at = here.after
        assert walked == wanted, order
    first, second = store.samples(where, "-confidence", 2)["sample_id"].to_pylist()
    assert around.place(store, where, first, None, "-confidence").after == (second, "made")
    assert around.place(store, where, second, "made", "-confidence").before == (first, "made")
    assert around.place(store, where, "none").at == 0
    assert around.search(store, where, first[1:])[0] == (first, "made")
    assert around.search(store, where, "no such") == []


def test_nearest_by_embedding(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    e = rng.normal(size=(60, 5)).astype(np.float32)
    rows = predictions(60, "a").append_column(
        "embedding", pa.array([None if i == 3 else r.tolist() for i, r in enumerate(e)], pa.list_(pa.float32()))
    )
    store = opened(pa.concat_tables([rows, rows.set_column(rows.column_names.index("model"), "model", pa.array(["b"] * 60))]), tmp_path)
    at, cosine = Neighbours(np.where(np.arange(60)[:, None] == 3, np.nan, e).astype(np.float32)).to(7, 4)
    found = around.nearest(store, "b", "s00007", "made", 4)
    assert found["sample_id"].to_pylist() == [f"s{i:05d}" for i in at] and set(found["model"].to_pylist()) == {"b"}
    assert np.allclose(found["cosine"].to_numpy(), cosine, atol=1e-6)
    assert len(around.nearest(store, "a", "s00003")) == 0 and len(around.nearest(store, "a", "none")) == 0


def test_kinds_of_runs(tmp_path: Path) -> None:
    cases = (("t", {"family": "timm", "pretrained": True}, "", {"total": 9}), ("c", {"family": "cnn"}, "", None), ("s", {}, "x", None))
    for name, model, start, size in cases:
        folder = tmp_path / name
        folder.mkdir()
        history = {"epoch": [1, 2], "val_score": [0.5, 0.6], "train_emotion_accuracy": [0.7, 0.9], "val_emotion_accuracy": [0.6, 0.8]}
        pq.write_table(pa.table(history), folder / "history.parquet")
        (folder / "recipe.json").write_text(json.dumps({"model": model, "start": start}))
        if size:
            (folder / "summary.json").write_text(json.dumps({"parameters": size}))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "history.parquet").write_text("no")
    found = {r.run: r for r in transfer.learned(tmp_path)}
    assert {n: r.kind for n, r in found.items()} == {"t": transfer.TRANSFER, "c": transfer.CUSTOM, "s": transfer.TRANSFER}
    assert found["t"].parameters == 9 and found["c"].parameters is None
    assert (found["t"].train, found["t"].val, found["t"].gap, found["t"].verdict.name) == (0.9, 0.8, 10.0, "high")


@pytest.mark.parametrize(
    ("said", "limit"),
    [
        ([{"emotion": 0.64}], 0.64), ([{"emotion": 0.64}, {"emotion": 0.64}], 0.64), ([{"emotion": 0.64}, {"emotion": 0.7}], None),
        ([{"emotion": 0.64}, {}], None), ([{}], None), ([{"gender": 0.6}], None), ([{"emotion": 1.0}], None), ([{"emotion": 1e9}], None),
        ([{"emotion": "0.6"}], None), ([{"emotion": -1}], None), ([[0.5]], None), ([None], None), ([{"emotion": float("nan")}], None),
    ],
)  # fmt: skip
def test_a_model_s_own_limit_comes_from_its_tables(tmp_path: Path, said: list, limit: float | None) -> None:
    whole = generate(60, model="m")
    for i, one in enumerate(said):
        table.write(whole.slice(30 * i, 30), tmp_path / f"{i}.parquet", table.Meta(thresholds=one))
    store = Store.open([tmp_path / f"{i}.parquet" for i in range(len(said))])
    assert confidence.own_limit(store, "emotion", store.models) == limit
