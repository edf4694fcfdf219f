"""Weights of an ensemble: a known optimum is found, noise is not fitted, figures come from other
folds; the command from end to end.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from core.artifacts.card import Head
from core.calibration import apply_temperature
from core.ensemble import Ensemble
from core.face_model import open_model
from core.labels import AGE_BINS, FERPLUS8, GENDER2
from core.predictor import Predictor
from evaluation.__main__ import main as evaluation
from evaluation.predictions import table
from tests.conftest import ROOT, write_tiny_bundle
from train.__main__ import main
from train.ensemble.report import EnsembleResult
from train.ensemble.weights import (
    FOLDS,
    TaskWeights,
    best_weights,
    calibrate_average,
    fit_weights,
    losses,
)

EMOTION = Head("emotion", "softmax", FERPLUS8.labels, "emotion")
GENDER = Head("gender", "softmax", GENDER2.labels, "gender")
AGE = Head("age", "distribution", tuple(str(i) for i in range(AGE_BINS)), "age")
YEARS = Head("age", "regression", (), "age")


def drawn(
    weights: tuple[float, ...], n: int = 8000, k: int = 8, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """(M, n, k) probabilities of members that know different things, and truths (n,) drawn from
    their average with `weights`.
    """
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(k, 0.3), (len(weights), n))
    mixed = np.tensordot(weights, p, 1)
    return p, (mixed.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1).clip(max=k - 1)


def test_weights_come_to_those_that_made_the_truth() -> None:
    p, truth = drawn((0.65, 0.35, 0.0))
    assert best_weights(EMOTION, p, truth) == pytest.approx([0.65, 0.35, 0.0], abs=0.03)
    fitted = fit_weights(EMOTION, p, truth)
    assert fitted.fitted and fitted.weights == pytest.approx([0.65, 0.35, 0.0], abs=0.03)
    assert fitted.calibration["emotion"] == pytest.approx(1, abs=0.05)
    assert fitted.gain_low > 0 and fitted.gain == pytest.approx(
        losses(EMOTION, p.mean(axis=0), truth).mean()
        - losses(EMOTION, np.tensordot((0.65, 0.35, 0), p, 1), truth).mean(),
        rel=0.1,
    )


def test_no_other_weights_have_less_loss() -> None:
    p, truth = drawn((0.8, 0.2), n=500, seed=3)
    best = losses(GENDER, np.tensordot(best_weights(GENDER, p, truth), p, 1), truth).mean()
    every = [
        losses(GENDER, w * p[0] + (1 - w) * p[1], truth).mean() for w in np.linspace(0, 1, 501)
    ]
    assert best <= min(every) + 1e-6


def test_ages_with_and_without_distribution() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(5, 80, 3000).astype(float)
    values = np.stack([truth + rng.normal(0, 4, 3000), truth + rng.normal(0, 8, 3000)])
    by_value = np.stack([values, values - 5, values + 5], axis=2)
    # Independent errors: the weights of least squares go by the inverse variances, 1/16 and 1/64.
    assert best_weights(YEARS, by_value, truth) == pytest.approx([0.8, 0.2], abs=0.03)
    fitted = fit_weights(YEARS, by_value, truth)
    assert fitted.fitted and fitted.calibration["age"] == pytest.approx(
        np.quantile(np.abs(fitted.weights @ values - truth), 0.8), abs=1e-3
    )
    assert np.array_equal(fitted.out_of_fold[:, 1:], fitted.interval_ends) and held(
        fitted, truth
    ) == pytest.approx(0.8, abs=0.03)

    bins = np.exp(-(((np.arange(101) - values[..., None]) / 6) ** 2))
    fitted = fit_weights(
        AGE, bins / bins.sum(axis=2, keepdims=True), truth
    )  # (2, N, 101): the second member is surer than it may be
    assert fitted.weights[0] > 0.6 and held(fitted, truth) == pytest.approx(0.8, abs=0.03)
    for decade in (20, 50):
        here = (truth >= decade) & (truth < decade + 10)
        assert held(fitted, truth, here) == pytest.approx(0.8, abs=0.08)


def held(fitted: TaskWeights, truth: np.ndarray, where: np.ndarray | None = None) -> float:
    """Share of ages inside their cross-fitted intervals."""
    inside = (fitted.interval_ends[:, 0] <= truth) & (truth <= fitted.interval_ends[:, 1])
    return float(inside[slice(None) if where is None else where].mean())


def test_equal_weights_stay_where_fitting_gains_nothing() -> None:
    p, truth = drawn((0.5, 0.5), n=600)
    fitted = fit_weights(EMOTION, p, truth)
    assert (
        not fitted.fitted and fitted.weights == pytest.approx([0.5, 0.5]) and fitted.gain_low <= 0
    )
    assert not np.allclose(best_weights(EMOTION, p, truth), 0.5, atol=1e-4), (
        "fitting would have moved them"
    )
    alone = fit_weights(EMOTION, p[:1], truth)
    assert not alone.fitted and alone.weights.tolist() == [1.0]


def test_nobody_chooses_for_itself() -> None:
    """Another truth of one sample changes nothing about its own answer, and something about
    others'.
    """
    p, truth = drawn((0.9, 0.1), n=1000)
    truth[7] = -1
    before = fit_weights(EMOTION, p, truth).out_of_fold
    changed = truth.copy()
    changed[11] = (truth[11] + 1) % 8
    after = fit_weights(EMOTION, p, changed).out_of_fold
    assert np.isnan(before[7]).all() and not np.isnan(np.delete(before, 7, axis=0)).any()
    assert np.array_equal(before[11], after[11]) and not np.array_equal(
        np.nan_to_num(before), np.nan_to_num(after)
    )
    same = [i for i in range(1000) if i != 7 and np.array_equal(before[i], after[i])]
    assert len(same) == pytest.approx(1000 / FOLDS, abs=5), "only its own fold stays as it was"


def test_too_few_truths_are_refused() -> None:
    p, truth = drawn((0.5, 0.5), n=9)
    with pytest.raises(ValueError, match="at least 10"):
        fit_weights(EMOTION, p, truth)


def test_a_temperature_undoes_caution() -> None:
    p, truth = drawn((1.0,))
    assert calibrate_average(EMOTION, apply_temperature(p[0], 2.0), truth)[
        "emotion"
    ] == pytest.approx(0.5, abs=0.03)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> EnsembleResult:
    """An ensemble of two random bundles, weights fitted on drawn faces."""
    folder = tmp_path_factory.mktemp("made")
    models = [write_tiny_bundle(folder / "a", 48, 1), write_tiny_bundle(folder / "b", 32, 2)]
    from train.ensemble.build import build

    return build(
        models,
        {"*": str(folder)},
        folder / "both",
        "both",
        flip=True,
        datasets=["synthetic"],
        limit=80,
    )


@pytest.fixture(scope="module")
def written(result: EnsembleResult) -> tuple[Path, dict]:
    """The folder above the ensemble's, and what the command printed."""
    return result.out.parent, result.to_dict()


def test_the_command_writes_what_it_measured(written: tuple[Path, dict]) -> None:
    folder, output = written
    json.dumps(output, allow_nan=False)
    opened = open_model(folder / "both")
    assert (
        isinstance(opened, Ensemble)
        and opened.card.name == "both"
        and [v.size for v in opened.views] == [48, 32]
    )
    assert [m.flip for m in opened.config.members] == [True, True] and not (
        folder / "both" / "without-flip.json"
    ).exists()
    for i, name in enumerate("ab"):
        copy = folder / "both" / output["members"][i]["model"] / "model.onnx"
        assert copy.read_bytes() == (folder / name / "model.onnx").read_bytes()
    assert {k: v for w in output["tasks"].values() for k, v in w["calibration"].items()} == dict(
        opened.card.calibration
    )
    assert opened.card.thresholds == {"age": 40.0}, (
        "80 faces are too few to choose a limit of emotion by"
    )
    assert {(r["task"], r["data"], r["n"]) for r in output["figures"]} == {
        (t, "synthetic", 80) for t in ("emotion", "gender", "age")
    }
    for row in output["figures"]:
        assert (
            row["ensemble"]["low"] <= row["ensemble"]["value"] <= row["ensemble"]["high"]
            and len(row["members"]) == 2
        )
        best = row["members"][row["best"]]["value"]
        assert row["difference"]["value"] == pytest.approx(
            row["ensemble"]["value"] - best, abs=1e-6
        )
        assert best == (min if row["task"] == "age" else max)(m["value"] for m in row["members"])
    named = {m["metric"]: m["value"] for m in opened.card.metrics}
    accuracy = next(r["ensemble"]["value"] for r in output["figures"] if r["task"] == "emotion")
    assert named["emotion_accuracy"] == pytest.approx(accuracy, abs=1e-5)
    card = (folder / "both" / "card.md").read_text()
    assert (
        output["members"][0]["sha256"][:16] in card
        and "intervals" in card
        and "What it must not be used for" in card
    )


def test_evaluation_takes_it_where_it_takes_a_model(
    written: tuple[Path, dict], capsys: pytest.CaptureFixture
) -> None:
    folder, output = written
    more = ["--dataset", "synthetic", "--data", str(folder), "--limit", "24", "--threads", "1"]
    tables = {}
    for name in ("a", "b", "both"):
        assert (
            evaluation(
                [
                    "predict",
                    "--model",
                    str(folder / name),
                    *more,
                    "--out",
                    str(folder / f"{name}.parquet"),
                    "--embedding",
                ]
            )
            == 0
        )
        tables[name] = table.read(folder / f"{name}.parquet")
    both = tables["both"]
    assert both["model"].unique().to_pylist() == ["both"] and len(both) == 24
    assert table.Meta.of(both).card_sha256 not in {
        table.Meta.of(tables[n]).card_sha256 for n in "ab"
    }
    assert len(both["embedding"][0]) == 48 * 48 + 32 * 32

    members = [
        {"model": m["model"], "weight": w} for m, w in zip(output["members"], (1, 3), strict=True)
    ]
    (folder / "both" / "plain.json").write_text(json.dumps({"name": "plain", "members": members}))
    assert (
        evaluation(
            [
                "predict",
                "--model",
                str(folder / "both" / "plain.json"),
                *more,
                "--out",
                str(folder / "plain.parquet"),
            ]
        )
        == 0
    )
    plain = table.read(folder / "plain.parquet")
    for name in (f"emotion_p_{FERPLUS8.labels[3]}", "gender_p_female", "age_pred"):
        a, b, mean = (t[name].to_numpy() for t in (tables["a"], tables["b"], plain))
        assert mean == pytest.approx((a + 3 * b) / 4, abs=1e-4), "each member got its own crop"

    capsys.readouterr()
    assert evaluation(["report", str(folder / "both.parquet"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["model"] == "both"
    assert (
        evaluation(["compare", str(folder / "a.parquet"), str(folder / "both.parquet"), "--json"])
        == 0
    )
    assert json.loads(capsys.readouterr().out)["matched"] == 24
    assert (
        evaluation(
            [
                "robustness",
                "--model",
                str(folder / "both"),
                *more,
                "--kinds",
                "rotation",
                "brightness",
                "--json",
            ]
        )
        == 0
    )
    rows = json.loads(capsys.readouterr().out)["rows"]
    clean = next(r["value"] for r in rows if r["task"] == "age" and r["severity"] == 0)
    assert clean != next(
        r["value"]
        for r in rows
        if r["task"] == "age" and r["kind"] == "rotation" and r["severity"] == 5
    )


def test_explain_takes_it_where_all_see_one_crop(
    written: tuple[Path, dict], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    folder, output = written
    more = [
        str(ROOT / "apps" / "webcam" / "examples" / "astronaut.jpg"),
        "--out",
        str(tmp_path),
        "--task",
        "emotion",
        "--json",
    ]
    assert (
        evaluation(["explain", "--model", str(folder / "both"), *more]) == 2
        and "crop differently" in capsys.readouterr().err
    )
    one = {"name": "one", "members": [{"model": output["members"][0]["model"], "flip": True}]}
    (folder / "both" / "one.json").write_text(json.dumps(one))
    assert evaluation(["explain", "--model", str(folder / "both" / "one.json"), *more]) == 0
    assert (
        json.loads(capsys.readouterr().out)["model"] == "one"
        and (tmp_path / "astronaut.png").is_file()
    )


def test_mistakes_end_with_status_2(
    written: tuple[Path, dict], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    folder, _ = written
    a, b, data = (
        str(folder / "a"),
        str(folder / "b"),
        ["--data", str(folder), "--dataset", "synthetic", "--limit", "12"],
    )
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    for line, text in (
        ([a, a, *data, "--out", str(tmp_path / "x")], "twice"),
        ([a, b, *data, "--out", str(tmp_path / "full")], "empty folder"),
        ([a, b, "--data", str(folder), "--out", str(tmp_path / "x")], "--dataset NAME"),
        ([a, "nowhere", *data, "--out", str(tmp_path / "x")], "train export"),
        ([a, b, *data, "--labels", "FER9", "--out", str(tmp_path / "x")], "FERPLUS8"),
    ):
        assert main(["ensemble", *line]) == 2
        assert text in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["full"] and (
        tmp_path / "full" / "mine.txt"
    ).read_text() == "mine"


def test_the_words_on_stdout(
    written: tuple[Path, dict], result: EnsembleResult, capsys: pytest.CaptureFixture
) -> None:
    from train.ensemble.report import show

    folder, _ = written
    show(result)
    text = capsys.readouterr().out
    assert (
        "weights are" in text
        and "perceived gender, accuracy, synthetic val, 80 samples" in text
        and "cross-fitted" in text
    )
    assert Predictor(folder / "a").card.name in text
