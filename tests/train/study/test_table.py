"""The table of a study, its verdict and its section of a document, from made-up runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.artifacts.card import Card
from core.errors import UserError
from train.recipe.recipe import load
from train.runs.card_metrics import DataUse, PooledMetric, pooled_metric
from train.runs.status import RunStatus
from train.study.definition import Study, StudyMember, select
from train.study.page import markdown, replace_between_markers
from train.study.plan import StudyPlan
from train.study.result import study_result
from train.study.table import StudyRow, study_rows
from train.study.verdict import unpaired_difference, verdict


def status_of(
    value: float,
    low: float,
    high: float,
    *,
    n: int = 1000,
    train: float = 0.7,
    epochs: int = 2,
    mark: str = "f",
) -> RunStatus:
    recipe = load("fer_cnn_0")
    row = {
        "train_emotion_accuracy": train,
        "val_emotion_accuracy": value,
        "seconds": 10.0,
        "cpu_seconds": 19.0,
        "images_per_s": 100.0,
    }
    history = [{**row, "epoch": i + 1, "memory_mb": 500.0 + i} for i in range(epochs)]
    data = (
        {"name": "a", "split": "train", "n": 5000, "fingerprint": "t"},
        {"name": "a", "split": "val", "n": n, "fingerprint": mark},
    )
    card = Card("c", "0", recipe.input, recipe.heads, data=data)
    on = (DataUse("a", "val", mark, n),)
    return RunStatus(
        "finished",
        "",
        history,
        epochs,
        4992 * epochs,
        card,
        {"emotion_accuracy": PooledMetric(value, low, high, n, on)},
    )


def table_of(
    statuses: dict[str, RunStatus],
    tmp_path: Path,
    failed: dict[str, str] | None = None,
    **more: object,
) -> tuple[list[StudyRow], list[str]]:
    p = StudyPlan(
        "made", Study("made", "nowhere", tuple(StudyMember(m) for m in statuses)), tmp_path
    )
    rows = study_rows(p, statuses, failed or {})
    return rows, verdict(p, rows, statuses, **more)


def test_the_table_of_known_histories(tmp_path: Path) -> None:
    statuses = {
        "fer_cnn_0": status_of(0.64, 0.61, 0.67),
        "fer_cnn_a": status_of(0.80, 0.77, 0.82, train=0.9),
        "fer_cnn_b": status_of(0.81, 0.78, 0.83),
        "fer_cnn_b_plus": status_of(0.70, 0.67, 0.73, epochs=1),
        "fer_cnn_c": RunStatus("new", "none"),
    }
    rows, sentences = table_of(statuses, tmp_path, {"fer_cnn_c": "Expected weights, got none."})
    by = {r.member: r for r in rows}
    assert (by["fer_cnn_0"].source_is, by["fer_cnn_a"].source_is) == ("inside", "above")
    assert by["fer_cnn_a"].ours_minus_source == pytest.approx(-0.0513) and by[
        "fer_cnn_a"
    ].train_minus_val == pytest.approx(0.1)
    assert by["fer_cnn_a"].source_train_minus_val == pytest.approx(0.1459)
    assert (
        by["fer_cnn_0"].parameters,
        by["fer_cnn_0"].seconds,
        by["fer_cnn_0"].cpu_seconds,
    ) == (1_274_500, 20.0, 38.0)
    assert (
        by["fer_cnn_0"].images_seen,
        by["fer_cnn_0"].memory_mb,
        by["fer_cnn_0"].epochs,
    ) == (9984, 501.0, 2)
    assert (by["fer_cnn_c"].state, by["fer_cnn_c"].ours, by["fer_cnn_c"].source) == (
        "failed",
        None,
        0.8419,
    )
    text = "\n".join(sentences)
    assert (
        "inside our 95 % interval for 1 of 4 members (fer_cnn_0), above it for fer_cnn_a, "
        "fer_cnn_b, fer_cnn_b_plus." in text
    )
    assert (
        "Our order, best first: fer_cnn_b 81.00 %, fer_cnn_a 80.00 %, fer_cnn_b_plus 70.00 %, "
        "fer_cnn_0 64.00 %." in text
    )
    assert (
        "fer_cnn_b leads fer_cnn_a by +1.00, 95 % interval -2.61 to +4.61 (unpaired), which chance"
        in text
    )
    # The source has b_plus > a > b > 0, we have b > a > b_plus > 0: the three pairs with 0 agree.
    assert "holds in 3 of 6 pairs (Kendall's tau +0.00)" in text
    assert (
        "95 % interval: fer_cnn_a over fer_cnn_b_plus, fer_cnn_b over fer_cnn_b_plus." in text
    )  # b over a may be chance
    assert "Not equal: epochs: fer_cnn_0 2, fer_cnn_a 2, fer_cnn_b 2, fer_cnn_b_plus 1." in text
    assert "Shorter than the source's training: 1 of 75 epochs, 2 of 75 epochs." in text
    assert (
        "fer_cnn_a high" in text and "Not measured: fer_cnn_c: Expected weights, got none." in text
    )


def test_equal_sources_are_tied_and_a_paired_lead_counts(tmp_path: Path) -> None:
    statuses = {
        "fer_cnn_b_plus": status_of(0.80, 0.77, 0.82),
        "fer_cnn_b_plus_plus": status_of(0.81, 0.78, 0.84),
    }  # 85.30 % both
    _, sentences = table_of(statuses, tmp_path, paired=lambda a, b, figure: (0.01, 0.002, 0.018))
    text = "\n".join(sentences)
    assert "holds in 0 of 0 pairs (Kendall's tau undefined; 1 pair more tied)" in text
    assert "+0.20 to +1.80 (paired, on the same pictures), more than chance" in text


def test_other_validation_pictures_are_not_compared(tmp_path: Path) -> None:
    statuses = {
        "fer_cnn_a": status_of(0.8, 0.7, 0.9),
        "fer_cnn_b": status_of(0.7, 0.6, 0.8),
        "fer_cnn_c": status_of(0.9, 0.8, 1.0, mark="other"),
    }
    _, sentences = table_of(statuses, tmp_path)
    assert "Not compared, as validated on other pictures or classes: fer_cnn_c." in "\n".join(
        sentences
    )
    assert not any("fer_cnn_c" in text for text in sentences if "order" in text or "leads" in text)


def test_an_older_history_has_empty_cells(tmp_path: Path) -> None:
    status = status_of(0.64, 0.61, 0.67)
    old = [
        {k: v for k, v in row.items() if k in ("val_emotion_accuracy", "epoch")}
        for row in status.history
    ]
    rows, _ = table_of(
        {"fer_cnn_0": RunStatus("finished", "", old, 2, 9984, status.card, status.figures)},
        tmp_path,
    )
    assert rows[0].seconds is rows[0].cpu_seconds is rows[0].train is rows[0].memory_mb is None


def test_newcombe_s_example() -> None:
    """Newcombe, Stat. Med. 1998, method 10 without correction: 56/70 against 48/80."""
    from evaluation.statistics.intervals import wilson

    a, b = (PooledMetric(x / n, *wilson(x, n), n, ()) for x, n in ((56, 70), (48, 80)))
    assert unpaired_difference(a, b) == pytest.approx((0.2, 0.0524, 0.3339), abs=1e-4)


def test_figures_of_several_data_sets_are_put_together() -> None:
    def row(data: str, value: float, low: float, high: float, n: int, **more: str) -> dict:
        return {
            "data": data,
            "split": "val",
            "metric": "emotion_accuracy",
            "value": value,
            "ci95": [low, high],
            "n": n,
            **more,
        }

    recipe = load("fer_cnn_0")
    one = row("a", 0.8, 0.7, 0.88, 100)
    alone = pooled_metric(
        Card(
            "c", "0", recipe.input, recipe.heads, metrics=(one, row("a", 0.1, 0, 1, 9, group="g"))
        ),
        "emotion_accuracy",
    )
    assert alone is not None and (alone.value, alone.low, alone.high, alone.n) == pytest.approx(
        (0.8, 0.7, 0.88, 100)
    )
    both = pooled_metric(
        Card("c", "0", recipe.input, recipe.heads, metrics=(one, row("b", 0.6, 0.5, 0.7, 300))),
        "emotion_accuracy",
    )
    assert both is not None and both.value == pytest.approx(0.65) and both.n == 400
    assert both.low == pytest.approx(0.65 - ((0.025) ** 2 + (0.075) ** 2) ** 0.5)
    assert pooled_metric(Card("c", "0", recipe.input, recipe.heads), "emotion_accuracy") is None


# ---- the page and RESULTS.md


def test_a_section_of_results_is_replaced_and_the_rest_left(tmp_path: Path) -> None:
    file = tmp_path / "RESULTS.md"
    file.write_text("# Results\n\nWords.\n")
    replace_between_markers(file, "one", "first")
    replace_between_markers(file, "two", "second")
    replace_between_markers(file, "one", "first, again\n")
    text = file.read_text()
    assert text.startswith(
        "# Results\n\nWords.\n\n<!-- study one -->\nfirst, again\n<!-- end of study one -->\n"
    )
    assert (
        text.endswith("<!-- study two -->\nsecond\n<!-- end of study two -->\n")
        and "\nfirst\n" not in text
    )
    file.write_text(text.replace("<!-- end of study one -->", ""))
    with pytest.raises(UserError, match="study one"):
        replace_between_markers(file, "one", "third")
    assert "third" not in file.read_text()
    with pytest.raises(UserError, match="to write"):
        replace_between_markers(file / "below a file" / "RESULTS.md", "one", "third")


def test_several_figures_make_several_lines_with_costs_once(tmp_path: Path) -> None:
    p = StudyPlan(
        "made",
        Study(
            "made",
            "nowhere",
            (StudyMember("production_b2"),),
            ("emotion_accuracy", "gender_accuracy", "age_mae"),
        ),
        tmp_path,
    )
    statuses = {"production_b2": RunStatus("new", "nothing there")}
    rows = study_rows(p, statuses, {})
    text = markdown(study_result(p, "command", statuses, rows, verdict(p, rows, statuses)))
    lines = [line for line in text.splitlines() if line.startswith("| `production_b2`")]
    assert [line.split(" | ")[1:4] for line in lines] == [
        ["emotion: accuracy", "78.00 %", "not finished"],
        ["perceived gender: accuracy", "92.00 %", "not finished"],
        ["age: mean absolute error, years", "4.00", "not finished"],
    ]
    assert ["8," in line for line in lines] == [True, False, False]  # 8 million parameters, once
    assert "each recipe's own epochs" in text and "torch" in text and "other machines" not in text
    (tmp_path / "production_b2").mkdir()
    noted = {"processor": "Abacus", "cores": 3, "memory_gb": 1.0, "accelerator": None}
    (tmp_path / "production_b2" / "summary.json").write_text(json.dumps({"machine": noted}))
    assert study_result(p, "command", statuses, rows, []).to_dict()["trained_on_too"] == [
        "Abacus, 3 cores, 1 GiB"
    ]


@pytest.mark.parametrize(
    ("trained", "recommended"),
    [
        ((0.7, 0.85, 0.84), "recommends fer_cnn_b: 81.00 %, gap +3.0 points"),
        ((0.7, 0.85, 0.91), "recommends fer_cnn_a: 80.00 %, gap +5.0 points"),
        ((0.8, 0.97, 0.99), "recommends none"),
    ],
)
def test_the_notebooks_rule_wants_accuracy_without_overfitting(
    tmp_path: Path, trained: tuple[float, ...], recommended: str
) -> None:
    values = {"fer_cnn_0": 0.64, "fer_cnn_a": 0.80, "fer_cnn_b": 0.81}
    statuses = {
        name: status_of(value, value - 0.03, value + 0.03, train=train)
        for (name, value), train in zip(values.items(), trained, strict=True)
    }
    _, sentences = table_of(statuses, tmp_path)
    assert [recommended in text for text in sentences if "rule" in text] == [True]


def test_a_study_of_chosen_members() -> None:
    members = tuple(
        StudyMember("fer_cnn_0", name, start=start)
        for name, start in (("a", ""), ("b", "a"), ("c", "b"), ("d", ""))
    )
    study = Study("title", "source", members)
    chosen = {
        names: [m.folder for m in select(study, names).members]
        for names in ((), ("d",), ("d", "a"), ("c",))
    }
    assert list(chosen.values()) == [["a", "b", "c", "d"], ["d"], ["a", "d"], ["a", "b", "c"]]
    with pytest.raises(UserError, match="--members of a, b, c, d, got 'e'"):
        select(study, ("a", "e"))
