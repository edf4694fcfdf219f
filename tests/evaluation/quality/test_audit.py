"""`python -m evaluation audit`: what it prints and writes, and what it says where the data or the
disk are at fault.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.labels import GENDER2
from evaluation.__main__ import main
from evaluation.commands import audit
from evaluation.quality import open_dataset
from evaluation.quality.repair import plan_file
from tests.conftest import ROOT
from tests.evaluation.quality import faulty


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = faulty.tree(tmp_path_factory.mktemp("audited"), 12)
    faulty.faults(root)
    return root


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "cache"))


QUICK = (
    "exact_files,exact_pixels,near_duplicates,leaks,conflicts,class_balance,split_shares,"
    "drift,faults,unreadable"
)
"""Without those that embed every picture."""


def run(data: Path, *more: object) -> int:
    chosen = () if "--checks" in more or "--apply" in more else ("--checks", QUICK)
    return main(
        ["audit", "--dataset", "image_folder", "--data", str(data), *map(str, more), *chosen]
    )


def test_summary(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(data) == 0
    out = capsys.readouterr().out
    assert "Leaks between splits" in out and "pixels.png" in out and "val in train" not in out


def test_what_was_not_run_is_said(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from evaluation.quality import audit

    usual = [n for n in audit.load_checks() if n in QUICK.split(",")]
    every = audit.load_checks
    monkeypatch.setattr(audit, "load_checks", lambda names=(): every(names or usual))
    assert main(["audit", "--dataset", "image_folder", "--data", str(data)]) == 0
    assert (
        "Not run: ages, face_count, labels, mirrored; try --checks +ages" in capsys.readouterr().out
    )
    assert run(data, "--checks", "unreadable") == 0
    assert "Not run" not in capsys.readouterr().out


def test_json_html_and_plan(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    html, fix = tmp_path / "r.html", tmp_path / "plan.csv"
    assert run(data, "--json", "--html", html, "--fix", fix, "--checks", f"{QUICK},mirrored") == 0
    report = json.loads(capsys.readouterr().out)
    assert (
        report["checks"]["leaks"]["issues"] == 2
        and report["checks"]["mirrored"]["issues"] == 1
        and report["left_out"] == 1
    )
    assert report["checks"]["leaks"]["figures"]["same_pixels"] == {
        "train in val": 1,
        "val in train": 1,
    }
    page = html.read_text(encoding="utf-8")
    assert (
        "<script" not in page
        and "http://" not in page
        and "https://" not in page
        and "blurred" in page
    )
    assert page.count("data:image/jpeg") > 5
    with fix.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["sample_id", "action", "value", "reason", "split", "fingerprint"]
    assert {r["fingerprint"] for r in rows} == {report["fingerprint"]} and report["plan"][
        "rows"
    ] == len(rows)
    dataset = open_dataset("image_folder", data, cache=False)
    assert len(plan_file.read_plan(fix, dataset)) == len(
        rows
    )  # what is written can be read back and applied
    assert "notes.txt" not in fix.read_text()
    assert run(data, "--apply", fix, "--out", tmp_path / "repaired", "--json") == 0
    done = json.loads(capsys.readouterr().out)
    assert done["kept"] == len(dataset) - done["dropped"] and done["dropped"] >= 4
    repaired = [
        "audit",
        "--dataset",
        "manifest",
        "--data",
        str(tmp_path / "repaired"),
        "--json",
        "--checks",
        "leaks,exact_pixels,near_duplicates",
    ]
    assert main(repaired) == 0
    assert all(
        check["issues"] == 0 for check in json.loads(capsys.readouterr().out)["checks"].values()
    )


def test_blur_can_be_turned_off(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes = []
    for more in ([], ["--show-faces"]):
        assert run(data, "--html", tmp_path / "r.html", "--checks", "exact_pixels", *more) == 0
        sizes.append(len((tmp_path / "r.html").read_text()))
    assert sizes[1] > sizes[0] * 1.2  # six by six pixels compress well
    assert run(data, "--show-faces") == 2


def test_a_second_run_reads_nothing(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from evaluation.quality import feature_cache, image_features

    monkeypatch.setattr(feature_cache, "MIN_AGE_SECONDS", -1.0)
    assert run(data, "--json") == 0
    first = capsys.readouterr().out
    monkeypatch.setattr(image_features, "describe_image", lambda data: pytest.fail("looked again"))
    monkeypatch.setattr(feature_cache, "_read", lambda path: pytest.fail("read again"))
    assert run(data, "--json") == 0
    assert capsys.readouterr().out == first


def test_options_and_checks_are_checked(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for given, text in (
        (["--set", "faults.dark=x"], "like 30.0"),
        (["--set", "faults.darkk=3"], "Expected an option of faults"),
        (["--set", "fault.dark=3"], "did you mean"),
        (["--set", "dark=3"], "CHECK.OPTION=VALUE"),
        (["--checks", "leak"], "'leaks'"),
        (["--limit", "0"], "at least 1"),
        (["--apply", "x.csv"], "--out DIR"),
        (["--checks", ","], "names of checks"),
    ):
        assert run(data, *given) == 2
        assert text in capsys.readouterr().err, given
    assert run(data, "--checks", "faults", "--set", "faults.dark=200", "--json") == 0
    assert json.loads(capsys.readouterr().out)["checks"]["faults"]["figures"]["dark"] > 20


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "--list"]) == 0
    out = capsys.readouterr().out
    assert "near_duplicates" in out and "radius=6" in out and "mirrored" in out
    assert main(["audit", "--list", "--json"]) == 0
    assert {c["name"] for c in json.loads(capsys.readouterr().out)["checks"]} >= {
        "leaks",
        "drift",
    }
    assert main(["audit"]) == 2


def test_limit(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(data, "--limit", 5, "--json") == 0
    assert json.loads(capsys.readouterr().out)["splits"] == {"train": 5, "val": 5}


def test_no_pictures_one_class_and_no_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    assert run(tmp_path / "empty") == 2 and "Expected" in capsys.readouterr().err
    assert run(tmp_path / "missing") == 2 and "nothing there" in capsys.readouterr().err
    for i in range(3):
        faulty.save(tmp_path / "one" / "train" / GENDER2.labels[0] / f"{i}.png", faulty.picture(i))
    assert run(tmp_path / "one") == 0 and "only one class" in capsys.readouterr().out


def test_loops_of_links_and_odd_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = faulty.tree(tmp_path / "odd", 4)
    folder = root / "train" / faulty.FIRST
    (folder / "loop").symlink_to(root, target_is_directory=True)
    (folder / "self.png").symlink_to("self.png")
    (folder / "gone.png").symlink_to("nowhere.png")
    name = "new\nline\x1b[31m.png"
    faulty.save(folder / name, faulty.picture(1))  # train/FIRST/001.png
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe.png")).write_bytes(
        (folder / "001.png").read_bytes()
    )
    html, fix = tmp_path / "r.html", tmp_path / "plan.csv"
    assert run(root, "--html", html, "--fix", fix) == 0
    shown = capsys.readouterr().out
    assert "\x1b" not in shown and "new\\nline" in shown and "not UTF-8" in shown
    dataset = open_dataset("image_folder", root, cache=False)
    assert any(
        "\n" in row.sample_id for row in plan_file.read_plan(fix, dataset)
    )  # the name survives the CSV
    reasons = [p.reason for _, p in dataset.problems]
    assert (
        any("no such picture" in r or "cannot be opened" in r for r in reasons) and html.is_file()
    )


def test_a_name_that_is_markup(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = faulty.tree(tmp_path / "markup", 4)
    faulty.save(root / "train" / faulty.FIRST / "<img onerror=x>.png", faulty.picture(1))
    assert run(root, "--html", tmp_path / "r.html") == 0
    assert (
        "<img onerror" not in (tmp_path / "r.html").read_text()
        and "&lt;img onerror" in (tmp_path / "r.html").read_text()
    )


def test_places_that_cannot_be_written(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (
        tmp_path,
        tmp_path / "no" / "where.csv",
        Path("/proc/mien.csv"),
        Path("/dev/null/x.csv"),
    ):
        for flag in ("--fix", "--html"):
            assert run(data, flag, path, "--checks", "unreadable") == 2
            assert "Expected" in (text := capsys.readouterr().err) and "internal" not in text


FULL = """
import resource, sys
# every larger file fails to be written, as on a full disk
resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048))
from evaluation.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def test_a_full_disk(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    command = [
        sys.executable,
        "-c",
        FULL,
        "audit",
        "--dataset",
        "image_folder",
        "--data",
        str(data),
        "--html",
        str(out / "r.html"),
        "--checks",
        "faults",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert (
        done.returncode == 2
        and "Expected to write" in done.stderr
        and "Traceback" not in done.stderr
    )
    assert "the cache cannot be written" in done.stderr and list(out.iterdir()) == []


def test_an_interruption_leaves_no_file(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evaluation.quality.checks import drift

    def stop(dataset: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(drift, "run", stop)
    assert run(data, "--html", tmp_path / "r.html", "--fix", tmp_path / "plan.csv") == 130
    assert not list(tmp_path.glob("*.html")) and not list(tmp_path.glob("*.csv"))


def test_printable() -> None:
    assert audit._one_line("a\x1b[0m\n\udcff") == "a\\x1b[0m\\n\\udcff"
