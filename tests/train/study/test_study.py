"""`python -m train study`: members in their folders, equal budgets, failures, resuming, the command
line.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from core import registry
from core.errors import UserError
from train import fit
from train.__main__ import main
from train.fit import Job
from train.runs.card_metrics import PooledMetric
from train.runs.status import read_status
from train.study import definition, launch, run
from train.study.data import PlannedData
from train.study.definition import Study, StudyMember
from train.study.page import markdown
from train.study.plan import StudyPlan
from train.study.result import StudyResult
from train.study.training import train_members

TINY = (
    "data=synthetic",
    "model.options.blocks=[(4, 0.1), (8, 0.1), (8, 0.1)]",
    "model.options.dense=16",
    "batch=16",
    "amp=no",
)
TWO = Study(
    "two tiny networks",
    "nowhere",
    (StudyMember("fer_cnn_0"), StudyMember("fer_cnn_a", remark="pictures of the moon")),
)


def plan(out: Path, of: Study = TWO, **more: object) -> StudyPlan:
    return StudyPlan("tiny", of, out, **{"epochs": 1, "limit": 96, "sets": TINY, **more})


def in_process(job: Job) -> tuple[int, str]:
    """As `launch.call`, without a process."""
    try:
        fit.fit(job)
        return 0, ""
    except UserError as error:
        return 2, str(error)


def train(plan: StudyPlan, call: object) -> dict[str, str]:
    """`train_members` with the plan's data."""
    return train_members(plan, PlannedData(plan), call)


def test_the_budget_is_shared_equally_and_a_failure_stops_nobody(tmp_path: Path) -> None:
    called: list[Job] = []

    def call(job: Job) -> tuple[int, str]:
        called.append(job)
        return (2, "Expected pretrained weights, got none.") if len(called) == 1 else (0, "")

    three = Study(
        "t",
        "s",
        (*TWO.members, StudyMember("fer_cnn_0", name="third", sets=("seed=7",), start="fer_cnn_a")),
    )
    failed = train(plan(tmp_path, three, budget_s=90.0), call)
    assert failed == {"fer_cnn_0": "Expected pretrained weights, got none."}
    assert [job.recipe for job in called] == ["fer_cnn_0", "fer_cnn_a", "fer_cnn_0"]
    assert [job.budget_s for job in called] == [30.0] * 3
    assert all(job.limit == 96 and job.epochs == 1 and job.resume for job in called)
    assert (
        called[2].out == tmp_path / "third"
        and "seed=7" in called[2].sets
        and f"start={tmp_path / 'fer_cnn_a'}" in called[2].sets
    )


def test_ctrl_c_ends_the_study(tmp_path: Path) -> None:
    def call(job: Job) -> tuple[int, str]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(plan(tmp_path), call)


def test_a_wrong_setting_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="did you mean 'lr'"):
        train(plan(tmp_path, sets=("optim.lrr=1",)), lambda job: pytest.fail("called"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, StudyResult, int]:
    """A study of two members and one that must fail, trained in this process: its folder, what it
    found, its status.
    """
    out = tmp_path_factory.mktemp("study")
    of = Study(
        "tiny", "nowhere", (*TWO.members, StudyMember("fer_cnn_0", name="lost", start="nobody"))
    )
    result, status = run.run(plan(out, of), "the command", trainer=in_process)
    return out, result, status


@pytest.fixture
def done(trained: tuple[Path, StudyResult, int], tmp_path: Path) -> tuple[Path, StudyResult, int]:
    """The same in a folder of the test's own, which it may change."""
    out, result, status = trained
    return Path(shutil.copytree(out, tmp_path / "study")), result, status


def test_a_study_from_end_to_end(done: tuple[Path, StudyResult, int]) -> None:
    out, result, status = done
    assert status == 2  # "lost" begins with weights that nobody has
    rows = {r.member: r for r in result.rows}
    assert [rows[m].state for m in ("fer_cnn_0", "fer_cnn_a", "lost")] == [
        "measured",
        "measured",
        "failed",
    ]
    assert "train that recipe first" in rows["lost"].why and rows["lost"].source == 0.6397
    for name in ("fer_cnn_0", "fer_cnn_a"):
        r, history = rows[name], pd.read_parquet(out / name / "history.parquet")
        assert r.ours == pytest.approx(history["val_emotion_accuracy"][0], abs=0.05)
        assert (
            r.train == history["train_emotion_accuracy"][0]
            and r.train_minus_val == r.train - r.ours
        )
        assert r.seconds == history["seconds"].sum() and r.epochs == r.best_epoch == 1
        assert 0 <= r.low <= r.ours <= r.high <= 1 and 0 < r.n <= 96 and r.images_seen % 16 == 0
        assert r.ours_minus_source == pytest.approx(r.ours - r.source)
    assert rows["fer_cnn_0"].images_seen == rows["fer_cnn_a"].images_seen
    assert any(
        "leads" in text and "paired, on the same pictures" in text for text in result.verdict
    )
    assert json.loads((out / "tiny.json").read_text()) == result.to_dict()
    table = pd.read_csv(out / "tiny.csv")
    assert list(table["member"]) == ["fer_cnn_0", "fer_cnn_a", "lost"] and table["ours"][
        0
    ] == pytest.approx(rows["fer_cnn_0"].ours)
    text = (out / "tiny.md").read_text()
    assert (
        text == markdown(result)
        and "the command" in text
        and "pictures of the moon" in text
        and "synthetic train" in text
    )


def test_a_second_time_nothing_is_trained(done: tuple[Path, StudyResult, int]) -> None:
    out, result, _ = done
    again, status = run.run(plan(out), "again", trainer=lambda job: pytest.fail("called"))
    assert status == 0 and again.rows == [r for r in result.rows if r.member != "lost"]


def test_what_a_folder_is(done: tuple[Path, StudyResult, int], tmp_path: Path) -> None:
    out, _, _ = done
    p = plan(out)
    recipe = p.recipe(TWO.members[0])
    folder = out / "fer_cnn_0"
    assert read_status(tmp_path, recipe).state == "new"
    assert (
        read_status(folder, recipe).state
        == read_status(folder, recipe, PlannedData(p).of(recipe)).state
        == "finished"
    )
    longer = read_status(folder, plan(out, epochs=2).recipe(TWO.members[0]))
    assert longer.state == "open"  # goes on, it is the same training
    other = read_status(folder, plan(out, sets=(*TINY, "optim.lr=1e-5")).recipe(TWO.members[0]))
    assert other.state == "foreign" and "optim" in other.why
    less = plan(out, limit=80)
    strange = read_status(folder, recipe, PlannedData(less).of(recipe))
    assert strange.state == "foreign" and "other data" in strange.why
    (tmp_path / "last.pt").write_bytes(b"not a checkpoint")
    (tmp_path / "best.pt").write_bytes(b"not a checkpoint")
    assert read_status(tmp_path, recipe).state == "foreign"
    failed = train(less, lambda job: pytest.fail("called"))
    assert set(failed) == {"fer_cnn_0", "fer_cnn_a"}


def test_what_was_not_exported_is_and_what_is_wrong_on_the_card_again(
    done: tuple[Path, StudyResult, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    from train.runs import status

    out, _, _ = done
    folder, recipe = out / "fer_cnn_0", plan(out).recipe(TWO.members[0])
    right = (folder / "bundle" / "model.onnx").read_bytes()
    (folder / "bundle" / "model.onnx").unlink()
    assert read_status(folder, recipe).state == "open"
    called: list[Job] = []
    train(plan(out), lambda job: (called.append(job) or 0, ""))
    assert [job.recipe for job in called] == ["fer_cnn_0"]
    (folder / "bundle" / "model.onnx").write_bytes(right)
    with monkeypatch.context() as patch:
        patch.setattr(
            status,
            "pooled_metric",
            lambda card, name: (
                PooledMetric(0.99, 0.9, 1.0, 500, ()) if name == "emotion_accuracy" else None
            ),
        )
        wrong = read_status(folder, recipe)
    assert wrong.state == "open" and "disagree" in wrong.why and not wrong.figures


def test_the_command_line(
    done: tuple[Path, StudyResult, int],
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    out, _, _ = done
    assert main(["study", "--list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["studies"]
    members = {study["name"]: study["members"] for study in listed}
    assert list(members) == registry.names("train.studies")
    assert "fer_cnn_rgb" in members["fer_colour"]
    assert (
        main(["study"]) == 2
        and main(["study", "fer_color"]) == 2
        and main(["study", "fer_colour"]) == 2
    )
    message = capsys.readouterr().err.replace("\n", " ")
    assert (
        "fer_ablation" in message
        and "did you mean 'fer_colour'" in message
        and "--data DIR" in message
    )

    monkeypatch.setattr(definition, "find", lambda name: TWO)
    monkeypatch.setattr(launch, "call", lambda job: pytest.fail("called"))
    results = tmp_path / "RESULTS.md"
    command = [
        "study",
        "tiny",
        "--out",
        str(out),
        "--epochs",
        "1",
        "--limit",
        "96",
        *(w for t in TINY for w in ("--set", t)),
    ]
    assert main([*command, "--json", "--results", str(results)]) == 0
    content = json.loads(capsys.readouterr().out)
    assert (
        content["command"].startswith("python -m train study tiny --out OUT ")
        and content["budget"]["epochs"] == 1
    )
    assert content["machine"]["cores"] >= 1 and {d["name"] for d in content["data"]} == {
        "synthetic"
    }
    section = (out / "tiny.md").read_text().strip()
    assert str(tmp_path) not in section, "the table names no folder of this machine"
    prose = [n for n in section.splitlines() if not n.startswith(("|", "python "))]
    assert max(map(len, prose)) <= 100
    assert results.read_text() == f"<!-- study tiny -->\n{section}\n<!-- end of study tiny -->\n"
