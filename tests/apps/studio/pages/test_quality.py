"""The page of data quality: findings, decisions, the plan."""

from __future__ import annotations

import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from apps.studio import data_sets, settings
from evaluation.__main__ import main
from evaluation.quality.repair.decisions import ACCEPTED, REJECTED, Decisions
from evaluation.quality.repair.review import read_findings
from tests.evaluation.quality.repair.test_review import copies


@pytest.fixture(scope="module")
def findings_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    copies(root)
    file = tmp_path_factory.mktemp("audit") / "f.parquet"
    command = [
        "audit",
        "--dataset",
        "image_folder",
        "--data",
        str(root),
        "--checks",
        "exact_files,split_shares",
        "--no-cache",
    ]
    assert main([*command, "--findings", str(file)]) == 0
    return file


@pytest.fixture
def file(findings_file: Path, tmp_path: Path) -> Path:
    """The findings, nothing decided."""
    return Path(shutil.copy(findings_file, tmp_path))


def opened(draw, file: Path, **url: str):
    app = draw("quality", "all heads", **url)
    settings.PROCESS.use(replace(settings.PROCESS.settings, audit=file))
    return checked(app.run())


def checked(app):
    assert not app.exception and not app.error
    return app


def press(app, key: str):
    return checked(app.button(key=f"dq.{key}").click().run())


def states(file: Path) -> list[str]:
    """The decision on each finding of the first check, "" where open."""
    decided = Decisions.beside(file).current()
    return [
        decided.get(k, "") for k in read_findings(file).issues["exact_files"]["key"].to_pylist()
    ]


def test_without_findings_the_command_is_named(draw) -> None:
    assert any(
        "--findings F.parquet" in i.value and "--audit" in i.value for i in draw("quality").info
    )


def test_the_summary_counts_and_decisions_move_on(draw, file: Path) -> None:
    app = opened(draw, file)
    summary = app.dataframe[0].value.set_index("check")
    assert summary["issues"].to_list() == [4, 3] and summary["decided"].to_list() == [0, 0]
    assert any("**1 of 4**" in m.value for m in app.markdown)
    app = press(app, "accept")
    assert states(file) == [ACCEPTED, "", "", ""] and any(
        "**2 of 4**" in m.value for m in app.markdown
    )
    app = press(press(app, "next"), "reject")
    assert states(file) == [ACCEPTED, "", REJECTED, ""]
    assert any("**4 of 4**" in m.value for m in app.markdown)
    app = press(app, "accept")
    assert any("**2 of 4**" in m.value for m in app.markdown), (
        "from the start again, to what is open"
    )
    assert app.dataframe[0].value["decided"].to_list() == [0.75, 0]
    app = press(press(app, "previous"), "undo")
    assert states(file) == ["", "", REJECTED, ACCEPTED] and any(
        "**1 of 4**" in m.value for m in app.markdown
    )
    assert any("1 drop" in m.value and "2 of 7" in m.value for m in app.markdown)


def test_decisions_survive_a_reload_and_the_url_names_the_finding(draw, file: Path) -> None:
    press(opened(draw, file), "accept")
    app = opened(draw, file)
    assert any("**2 of 4**" in m.value for m in app.markdown), "the first open one"
    app = opened(draw, file, **{"dq.at": "1"})
    assert any("**1 of 4**" in m.value and "accepted" in m.value for m in app.markdown)
    assert any("**4 of 4**" in m.value for m in opened(draw, file, **{"dq.at": "99"}).markdown)


def test_a_whole_cluster_at_once(draw, file: Path) -> None:
    at = next(
        i
        for i, r in enumerate(read_findings(file).issues["exact_files"].to_pylist(), 1)
        if "copy0" in r["sample_id"]
    )
    press(opened(draw, file, **{"dq.at": str(at)}), "cluster")
    assert states(file).count(ACCEPTED) == 2


def test_another_check_begins_with_its_first_open_finding(draw, file: Path) -> None:
    app = opened(draw, file, **{"dq.at": "4"})
    app = checked(app.selectbox(key="w.dq.check").select("split_shares").run())
    assert any("**1 of 3**" in m.value for m in app.markdown)
    assert any("nothing goes into the plan" in c.value for c in app.caption)
    press(app, "accept")
    assert read_findings(file).plan(Decisions.beside(file).current()) == []


def test_the_command_is_safe_to_copy(draw, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    findings = read_findings(file)
    hostile = replace(findings.header, dataset="d; touch x", data="$(touch y)")
    monkeypatch.setattr(data_sets, "findings", lambda _: replace(findings, header=hostile))
    words = shlex.split(opened(draw, file).code[0].value)
    assert words[3:8] == ["audit", "--dataset", "d; touch x", "--data", "$(touch y)"]


def test_a_broken_file_is_an_error_that_says_what_to_do(draw, tmp_path: Path) -> None:
    (tmp_path / "f.parquet").write_text("nothing")
    app = draw("quality")
    settings.PROCESS.use(replace(settings.PROCESS.settings, audit=tmp_path / "f.parquet"))
    app = app.run()
    assert (
        any("audit" in e.value and "findings" in e.value for e in app.error) and not app.exception
    )
