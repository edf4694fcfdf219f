"""`python -m train study`: members in their folders, equal budgets, failures, resuming; the table, its verdict and RESULTS.md."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import torch

from core import discover
from core.bundle import Card
from core.errors import UserError
from tests.conftest import ROOT
from train import commands, member, study, study_run, study_table
from train.__main__ import main
from train.recipe import load
from train.standing import Measured, Standing, look, measured
from train.study import Member, Plan, Study, train_members
from train.study_page import header, into_results, markdown

TINY = ("data=synthetic", "model.options.blocks=[(4, 0.1), (8, 0.1), (8, 0.1)]", "model.options.dense=16", "batch=16", "amp=no")
TWO = Study("two tiny networks", "nowhere", (Member("fer_cnn_0"), Member("fer_cnn_a", remark="pictures of the moon")))


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads of tiny batches wait for each other longer than they compute."""
    torch.set_num_threads(1)
    yield
    study._seen.clear()


def plan(out: Path, of: Study = TWO, **more: object) -> Plan:
    return Plan("tiny", of, out, **{"epochs": 1, "limit": 96, "sets": TINY, **more})  # type: ignore[arg-type]


def in_process(arguments: list[str]) -> tuple[int, str]:
    """As `member.call`, without a process."""
    try:
        return commands.train(arguments, "train", ""), ""
    except UserError as error:
        return 2, str(error)


# ---- the studies that the issue lists


def test_the_issue_s_studies_are_there() -> None:
    wanted = {
        "fer_ablation": "fer_cnn_0 fer_cnn_a fer_cnn_b fer_cnn_c fer_cnn_b_plus fer_cnn_b_plus_plus",
        "fer_transfer": "fer_vgg16 fer_resnet50v2 fer_efficientnet_b0 fer_cnn_a", "fer_depth": "fer_cnn_b_plus fer_cnn_d fer_cnn_a",
        "fer_colour": "fer_cnn_grey fer_cnn_rgb",
        "mobileone_ten": "mobileone_s2_quick mobileone_s2 mobileone_s2_lr_3e-4 mobileone_s2_lr_3e-3 mobileone_s2_dropout_0 "
        "mobileone_s2_dropout_0.5 mobileone_s2_cosine mobileone_s2_adamw mobileone_s2_ema mobileone_s2_size_112",
        "production": "baseline_mobilenetv3 production_b0 production_b0_finetune production_mobilenetv3 production_vit_tiny production_b2",
        "agegendernet_phases": "agegendernet_utkface agegendernet_emotion_frozen agegendernet_alternating agegendernet_wiki "
        "agegendernet_emotion agegendernet_ffhq",
    }  # fmt: skip
    found = {name: " ".join(m.folder for m in study.find(name).members) for name in wanted}
    assert found == wanted


@pytest.mark.parametrize("name", discover.names("train.studies"))
def test_a_study_s_members_resolve(name: str, tmp_path: Path) -> None:
    of = study.find(name)
    folders = [m.folder for m in of.members]
    assert len(set(folders)) == len(folders)
    p = Plan(name, of, tmp_path / "runs", epochs=3, sets=("amp=bf16",))
    for i, m in enumerate(of.members):
        recipe = p.recipe(m)
        assert (recipe.epochs, recipe.amp) == (3, "bf16")
        assert recipe.start == (str(tmp_path / "runs" / m.start) if m.start else load(m.recipe).start)
        assert m.start in ("", *folders[:i])  # what it begins with is trained before
        for figure in of.figures:
            assert f"val_{figure}" not in recipe.expected or m.remark  # a source's figure says what it was measured on


def test_a_start_inside_the_checkout_is_the_same_in_every_checkout() -> None:
    of = study.find("agegendernet_phases")
    assert Plan("x", of, ROOT / "runs" / "study").recipe(of.members[1]).start == "runs/study/agegendernet_utkface"


# ---- training: what is called, with which share of the budget, and what a failure does


def test_the_budget_is_shared_equally_and_a_failure_stops_nobody(tmp_path: Path) -> None:
    called: list[list[str]] = []

    def call(arguments: list[str]) -> tuple[int, str]:
        called.append(arguments)
        return (2, "Expected pretrained weights, got none.") if len(called) == 1 else (0, "")

    three = Study("t", "s", (*TWO.members, Member("fer_cnn_0", name="third", sets=("seed=7",), start="fer_cnn_a")))
    failed = train_members(plan(tmp_path, three, budget_s=90.0), call)
    assert failed == {"fer_cnn_0": "Expected pretrained weights, got none."}
    assert [a[0] for a in called] == ["fer_cnn_0", "fer_cnn_a", "fer_cnn_0"]
    assert [a[a.index("--budget") + 1] for a in called] == ["30.000s"] * 3
    assert all(a[a.index("--limit") + 1] == "96" and a[a.index("--epochs") + 1] == "1" and "--resume" in a for a in called)
    assert called[2][2] == str(tmp_path / "third") and "seed=7" in called[2] and f"start={tmp_path / 'fer_cnn_a'}" in called[2]


def test_ctrl_c_ends_the_study(tmp_path: Path) -> None:
    def call(arguments: list[str]) -> tuple[int, str]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_members(plan(tmp_path), call)


def test_a_wrong_setting_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="did you mean 'lr'"):
        train_members(plan(tmp_path, sets=("optim.lrr=1",)), lambda arguments: pytest.fail("called"))


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict, int]:
    """A study of two members and one that must fail, trained in this process: its folder, what it found, its status."""
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("study")
    of = Study("tiny", "nowhere", (*TWO.members, Member("fer_cnn_0", name="lost", start="nobody")))
    study._seen.clear()
    found, status = study_run.run(plan(out, of), "the command", call=in_process)
    return out, found, status


def test_a_study_from_end_to_end(done: tuple[Path, dict, int]) -> None:
    out, found, status = done
    assert status == 2  # "lost" begins with weights that nobody has
    rows = {r["member"]: r for r in found["rows"]}
    assert [rows[m]["state"] for m in ("fer_cnn_0", "fer_cnn_a", "lost")] == ["measured", "measured", "failed"]
    assert "train that recipe first" in rows["lost"]["why"] and rows["lost"]["source"] == 0.6397
    for name in ("fer_cnn_0", "fer_cnn_a"):
        r, history = rows[name], pd.read_parquet(out / name / "history.parquet")
        assert r["ours"] == pytest.approx(history["val_emotion_accuracy"][0], abs=0.05)
        assert r["train"] == history["train_emotion_accuracy"][0] and r["train_minus_val"] == r["train"] - r["ours"]
        assert r["seconds"] == history["seconds"].sum() and r["epochs"] == r["best_epoch"] == 1
        assert 0 <= r["low"] <= r["ours"] <= r["high"] <= 1 and 0 < r["n"] <= 96 and r["images_seen"] % 16 == 0
        assert r["ours_minus_source"] == pytest.approx(r["ours"] - r["source"])
    assert rows["fer_cnn_0"]["images_seen"] == rows["fer_cnn_a"]["images_seen"]
    assert any("leads" in text and "paired, on the same pictures" in text for text in found["verdict"])
    assert json.loads((out / "tiny.json").read_text()) == found
    table = pd.read_csv(out / "tiny.csv")
    assert list(table["member"]) == ["fer_cnn_0", "fer_cnn_a", "lost"] and table["ours"][0] == pytest.approx(rows["fer_cnn_0"]["ours"])
    text = (out / "tiny.md").read_text()
    assert text == markdown(found) and "the command" in text and "pictures of the moon" in text and "synthetic train" in text


def test_a_second_time_nothing_is_trained(done: tuple[Path, dict, int]) -> None:
    out, found, _ = done
    again, status = study_run.run(plan(out), "again", call=lambda arguments: pytest.fail("called"))
    assert status == 0 and again["rows"] == [r for r in found["rows"] if r["member"] != "lost"]


def test_what_a_folder_is(done: tuple[Path, dict, int], tmp_path: Path) -> None:
    out, _, _ = done
    p = plan(out)
    recipe = p.recipe(TWO.members[0])
    folder = out / "fer_cnn_0"
    assert look(tmp_path, recipe).state == "new"
    assert look(folder, recipe).state == look(folder, recipe, study.data_of(p, recipe)).state == "finished"
    longer = look(folder, plan(out, epochs=2).recipe(TWO.members[0]))
    assert longer.state == "open"  # goes on, it is the same training
    other = look(folder, plan(out, sets=(*TINY, "optim.lr=1e-5")).recipe(TWO.members[0]))
    assert other.state == "foreign" and "optim" in other.why
    less = plan(out, limit=80)
    strange = look(folder, recipe, study.data_of(less, recipe))
    assert strange.state == "foreign" and "other data" in strange.why
    (tmp_path / "last.pt").write_bytes(b"not a checkpoint")
    (tmp_path / "best.pt").write_bytes(b"not a checkpoint")
    assert look(tmp_path, recipe).state == "foreign"
    failed = train_members(less, lambda arguments: pytest.fail("called"))
    assert set(failed) == {"fer_cnn_0", "fer_cnn_a"}


def test_what_was_not_exported_is_and_what_is_wrong_on_the_card_again(
    done: tuple[Path, dict, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    from train import standing

    out, _, _ = done
    folder, recipe = out / "fer_cnn_0", plan(out).recipe(TWO.members[0])
    right = (folder / "bundle" / "model.onnx").read_bytes()
    (folder / "bundle" / "model.onnx").unlink()
    assert look(folder, recipe).state == "open"
    called: list[list[str]] = []
    train_members(plan(out), lambda arguments: (called.append(arguments) or 0, ""))  # type: ignore[func-returns-value]
    assert [a[0] for a in called] == ["fer_cnn_0"]
    (folder / "bundle" / "model.onnx").write_bytes(right)
    with monkeypatch.context() as patch:
        patch.setattr(standing, "measured", lambda card, name: Measured(0.99, 0.9, 1.0, 500, ()) if name == "emotion_accuracy" else None)
        wrong = look(folder, recipe)
    assert wrong.state == "open" and "disagree" in wrong.why and not wrong.figures


# ---- processes


def test_a_member_s_own_process_says_why_it_failed() -> None:
    status, why = member.call(["fer_cnn_0", "--set", "optim.lrr=1"])
    assert status == 2 and "did you mean 'lr'" in why


def test_an_interrupt_reaches_the_member_s_process(tmp_path: Path) -> None:
    words = ["fer_cnn_0", "--out", str(tmp_path / "run"), "--limit", "96", "--epochs", "100000"]
    words += [word for text in TINY for word in ("--set", text)]
    script = f"from train import member\nmember.PATIENCE_S = 0.1\ntry:\n    member.call({words!r})"
    script += "\nexcept KeyboardInterrupt:\n    print('ended')"
    heeds = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # noqa: E731  a shell's background job ignores it, and so would its children
    quiet = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, text=True, preexec_fn=heeds, **quiet)
    try:
        until = time.monotonic() + 480
        while not (tmp_path / "run" / "history.parquet").is_file():
            assert time.monotonic() < until and parent.poll() is None
            time.sleep(0.1)
        (child,) = [int(p) for p in Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()]
        parent.send_signal(signal.SIGINT)  # to it alone: at a terminal both would hear it
        assert parent.communicate(timeout=120)[0].strip() == "ended"
        with pytest.raises(ProcessLookupError):
            os.kill(child, 0)
    finally:
        parent.kill()


# ---- the table and its verdict, from made-up runs


def standing(value: float, low: float, high: float, *, n: int = 1000, train: float = 0.7, epochs: int = 2, mark: str = "f") -> Standing:
    recipe = load("fer_cnn_0")
    row = {"train_emotion_accuracy": train, "val_emotion_accuracy": value, "seconds": 10.0, "cpu_seconds": 19.0, "images_per_s": 100.0}
    history = [{**row, "epoch": i + 1, "memory_mb": 500.0 + i} for i in range(epochs)]
    data = ({"name": "a", "split": "train", "n": 5000, "fingerprint": "t"}, {"name": "a", "split": "val", "n": n, "fingerprint": mark})
    card = Card("c", "0", recipe.input, recipe.heads, data=data)
    on = (("a", mark, n),)
    return Standing("finished", "", history, epochs, 4992 * epochs, card, {"emotion_accuracy": Measured(value, low, high, n, on)})


def table_of(
    standings: dict[str, Standing], tmp_path: Path, failed: dict[str, str] | None = None, **more: object
) -> tuple[list, list[str]]:
    p = Plan("made", Study("made", "nowhere", tuple(Member(m) for m in standings)), tmp_path)
    rows = study_table.rows(p, standings, failed or {})
    return rows, study_table.verdict(p, rows, standings, **more)  # type: ignore[arg-type]


def test_the_table_of_known_histories(tmp_path: Path) -> None:
    made = {
        "fer_cnn_0": standing(0.64, 0.61, 0.67), "fer_cnn_a": standing(0.80, 0.77, 0.82, train=0.9),
        "fer_cnn_b": standing(0.81, 0.78, 0.83), "fer_cnn_b_plus": standing(0.70, 0.67, 0.73, epochs=1),
        "fer_cnn_c": Standing("new", "none"),
    }  # fmt: skip
    rows, said = table_of(made, tmp_path, {"fer_cnn_c": "Expected weights, got none."})
    by = {r["member"]: r for r in rows}
    assert (by["fer_cnn_0"]["source_is"], by["fer_cnn_a"]["source_is"]) == ("inside", "above")
    assert by["fer_cnn_a"]["ours_minus_source"] == pytest.approx(-0.0513) and by["fer_cnn_a"]["train_minus_val"] == pytest.approx(0.1)
    assert by["fer_cnn_a"]["source_train_minus_val"] == pytest.approx(0.1459)
    assert (by["fer_cnn_0"]["parameters"], by["fer_cnn_0"]["seconds"], by["fer_cnn_0"]["cpu_seconds"]) == (1_274_500, 20.0, 38.0)
    assert (by["fer_cnn_0"]["images_seen"], by["fer_cnn_0"]["memory_mb"], by["fer_cnn_0"]["epochs"]) == (9984, 501.0, 2)
    assert (by["fer_cnn_c"]["state"], by["fer_cnn_c"]["ours"], by["fer_cnn_c"]["source"]) == ("failed", None, 0.8419)
    text = "\n".join(said)
    assert "inside our 95 % interval for 1 of 4 members (fer_cnn_0), above it for fer_cnn_a, fer_cnn_b, fer_cnn_b_plus." in text
    assert "Our order, best first: fer_cnn_b 81.00 %, fer_cnn_a 80.00 %, fer_cnn_b_plus 70.00 %, fer_cnn_0 64.00 %." in text
    assert "fer_cnn_b leads fer_cnn_a by +1.00, 95 % interval -2.61 to +4.61 (unpaired), which chance" in text
    # The source has b_plus > a > b > 0, we have b > a > b_plus > 0: the three pairs with 0 agree.
    assert "holds in 3 of 6 pairs (Kendall's tau +0.00)" in text
    assert "95 % interval: fer_cnn_a over fer_cnn_b_plus, fer_cnn_b over fer_cnn_b_plus." in text  # b over a may be chance
    assert "Not equal: epochs: fer_cnn_0 2, fer_cnn_a 2, fer_cnn_b 2, fer_cnn_b_plus 1." in text
    assert "Shorter than the source's training: 1 of 75 epochs, 2 of 75 epochs." in text
    assert "fer_cnn_a high" in text and "Not measured: fer_cnn_c: Expected weights, got none." in text


def test_equal_sources_are_tied_and_a_paired_lead_counts(tmp_path: Path) -> None:
    made = {"fer_cnn_b_plus": standing(0.80, 0.77, 0.82), "fer_cnn_b_plus_plus": standing(0.81, 0.78, 0.84)}  # 85.30 % both
    _, said = table_of(made, tmp_path, paired=lambda a, b, figure: (0.01, 0.002, 0.018))
    text = "\n".join(said)
    assert "holds in 0 of 0 pairs (Kendall's tau undefined; 1 pair more tied)" in text
    assert "+0.20 to +1.80 (paired, on the same pictures), more than chance" in text


def test_other_validation_pictures_are_not_compared(tmp_path: Path) -> None:
    made = {"fer_cnn_a": standing(0.8, 0.7, 0.9), "fer_cnn_b": standing(0.7, 0.6, 0.8), "fer_cnn_c": standing(0.9, 0.8, 1.0, mark="other")}
    _, said = table_of(made, tmp_path)
    assert "not compared, as validated on other pictures or classes: fer_cnn_c." in "\n".join(said)
    assert not any("fer_cnn_c" in text for text in said if "order" in text or "leads" in text)


def test_an_older_history_has_empty_cells(tmp_path: Path) -> None:
    made = standing(0.64, 0.61, 0.67)
    old = [{k: v for k, v in row.items() if k in ("val_emotion_accuracy", "epoch")} for row in made.history]
    rows, _ = table_of({"fer_cnn_0": Standing("finished", "", old, 2, 9984, made.card, made.figures)}, tmp_path)
    assert rows[0]["seconds"] is rows[0]["cpu_seconds"] is rows[0]["train"] is rows[0]["memory_mb"] is None


def test_newcombe_s_example() -> None:
    """Newcombe, Stat. Med. 1998, method 10 without correction: 56/70 against 48/80."""
    from evaluation.metrics.intervals import wilson

    a, b = ({"ours": x / n, **dict(zip(("low", "high"), wilson(x, n), strict=True))} for x, n in ((56, 70), (48, 80)))
    assert study_table.unpaired(a, b) == pytest.approx((0.2, 0.0524, 0.3339), abs=1e-4)


def test_figures_of_several_data_sets_are_put_together() -> None:
    def row(data: str, value: float, low: float, high: float, n: int, **more: str) -> dict:
        return {"data": data, "split": "val", "metric": "emotion_accuracy", "value": value, "ci95": [low, high], "n": n, **more}

    recipe = load("fer_cnn_0")
    one = row("a", 0.8, 0.7, 0.88, 100)
    alone = measured(Card("c", "0", recipe.input, recipe.heads, metrics=(one, row("a", 0.1, 0, 1, 9, group="g"))), "emotion_accuracy")
    assert alone is not None and (alone.value, alone.low, alone.high, alone.n) == pytest.approx((0.8, 0.7, 0.88, 100))
    both = measured(Card("c", "0", recipe.input, recipe.heads, metrics=(one, row("b", 0.6, 0.5, 0.7, 300))), "emotion_accuracy")
    assert both is not None and both.value == pytest.approx(0.65) and both.n == 400
    assert both.low == pytest.approx(0.65 - ((0.025) ** 2 + (0.075) ** 2) ** 0.5)
    assert measured(Card("c", "0", recipe.input, recipe.heads), "emotion_accuracy") is None


# ---- the page, RESULTS.md and the command line


def test_a_section_of_results_is_replaced_and_the_rest_left(tmp_path: Path) -> None:
    file = tmp_path / "RESULTS.md"
    file.write_text("# Results\n\nWords.\n")
    into_results(file, "one", "first")
    into_results(file, "two", "second")
    into_results(file, "one", "first, again\n")
    text = file.read_text()
    assert text.startswith("# Results\n\nWords.\n\n<!-- study one -->\nfirst, again\n<!-- end of study one -->\n")
    assert text.endswith("<!-- study two -->\nsecond\n<!-- end of study two -->\n") and "\nfirst\n" not in text
    file.write_text(text.replace("<!-- end of study one -->", ""))
    with pytest.raises(UserError, match="study one"):
        into_results(file, "one", "third")
    assert "third" not in file.read_text()
    with pytest.raises(UserError, match="to write"):
        into_results(file / "below a file" / "RESULTS.md", "one", "third")


def test_several_figures_make_several_lines_with_costs_once(tmp_path: Path) -> None:
    p = Plan("made", Study("made", "nowhere", (Member("production_b2"),), ("emotion_accuracy", "gender_accuracy", "age_mae")), tmp_path)
    standings = {"production_b2": Standing("new", "nothing there")}
    rows = study_table.rows(p, standings, {})
    text = markdown({**header(p, "command", standings), "rows": rows, "verdict": study_table.verdict(p, rows, standings)})
    lines = [line for line in text.splitlines() if line.startswith("| `production_b2`")]
    assert [line.split(" | ")[1:4] for line in lines] == [
        ["emotion accuracy", "78.00 %", "not finished"], ["perceived-gender accuracy", "92.00 %", "not finished"],
        ["age error in years", "4.00", "not finished"],
    ]  # fmt: skip
    assert ["8," in line for line in lines] == [True, False, False]  # 8 million parameters, once
    assert "each recipe's own epochs" in text and "torch" in text and "other machines" not in text
    (tmp_path / "production_b2").mkdir()
    noted = {"processor": "Abacus", "cores": 3, "memory_gb": 1.0, "accelerator": None}
    (tmp_path / "production_b2" / "summary.json").write_text(json.dumps({"machine": noted}))
    assert header(p, "command", standings)["trained_on_too"] == ["Abacus, 3 cores, 1 GiB"]


def test_the_command_line(
    done: tuple[Path, dict, int], capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    out, _, _ = done
    assert main(["study", "--list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["studies"]
    assert [s["name"] for s in listed] == discover.names("train.studies") and "fer_cnn_rgb" in listed[2]["members"]
    assert main(["study"]) == 2 and main(["study", "fer_color"]) == 2 and main(["study", "fer_colour"]) == 2
    said = capsys.readouterr().err.replace("\n", " ")
    assert "fer_ablation" in said and "did you mean 'fer_colour'" in said and "--data DIR" in said

    monkeypatch.setattr(study, "find", lambda name: TWO)
    monkeypatch.setattr(member, "call", lambda arguments: pytest.fail("called"))
    results = tmp_path / "RESULTS.md"
    command = ["study", "tiny", "--out", str(out), "--epochs", "1", "--limit", "96", *(w for t in TINY for w in ("--set", t))]
    assert main([*command, "--json", "--results", str(results)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["command"].startswith("python -m train study tiny --out ") and found["budget"]["epochs"] == 1
    assert found["machine"]["cores"] >= 1 and {d["name"] for d in found["data"]} == {"synthetic"}
    assert results.read_text() == f"<!-- study tiny -->\n{markdown(found).strip()}\n<!-- end of study tiny -->\n"
