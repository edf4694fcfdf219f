"""Findings as a file, decisions beside it, and the plan that follows from both."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.errors import DataError
from evaluation.__main__ import main
from evaluation.quality import audit, open_dataset
from evaluation.quality.repair import apply, plan_file, review
from evaluation.quality.repair.decisions import ACCEPTED, DROPPED, REJECTED, Decisions
from evaluation.quality.repair.review import read_findings
from tests.evaluation.quality import faulty


def copies(root: Path, n: int = 3) -> Path:
    """An image_folder in which `n` pictures of train have a copy with the same bytes, one of them
    two.
    """
    faulty.tree(root, 6)
    folder = root / "train" / faulty.SECOND
    for i in range(n):
        (folder / f"copy{i}.png").write_bytes((folder / f"{2 * i:03d}.png").read_bytes())
    (folder / "copy0b.png").write_bytes((folder / "000.png").read_bytes())
    return root


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(data, file of findings) of the command line."""
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
    return root, file


def test_the_file_holds_issues_and_who_stays(audited) -> None:
    root, file = audited
    findings = read_findings(file)
    assert findings.header.dataset == "image_folder" and len(findings.header.fingerprint) == 64
    issues = findings.issues["exact_files"]
    assert len(issues) == findings.header.checks["exact_files"].issues == 4
    names = set(issues["sample_id"].to_pylist())
    rows = issues.to_pylist()
    assert len({r["key"] for r in rows}) == 4 and {r["label"] for r in rows} == {faulty.SECOND}
    assert all((root / r["path"]).is_file() and r["known"] for r in rows)
    sizes = []
    for group in set(issues["group"].to_pylist()):
        members = findings.members("exact_files", group)
        assert [m["is_issue"] for m in members] == [False] + [True] * (len(members) - 1), (
            "who stays comes first"
        )
        assert members[0]["sample_id"] not in names
        assert len({(root / m["path"]).read_bytes() for m in members}) == 1
        sizes.append(len(members))
    assert sorted(sizes) == [2, 2, 3]
    assert {r["known"] for r in findings.issues["split_shares"].to_pylist()} == {False}, (
        "a whole split is no sample"
    )


def test_decisions_survive_and_the_last_one_counts(audited, tmp_path: Path) -> None:
    keys = read_findings(audited[1]).issues["exact_files"]["key"].to_pylist()
    kept = Decisions.beside(tmp_path / "f.parquet")
    assert kept.current() == {} and kept.path.name == "f.decisions.jsonl"
    kept.record(keys[:3], ACCEPTED)
    kept.record(keys[1:2], REJECTED)
    kept.record(keys[2:3], "")
    wanted = {keys[0]: ACCEPTED, keys[1]: REJECTED}
    assert kept.current() == wanted == Decisions.beside(tmp_path / "f.parquet").current()
    other = Decisions.beside(tmp_path / "f.parquet")  # a second reviewer
    other.record(keys[3:], ACCEPTED)
    assert kept.current() == wanted | {keys[3]: ACCEPTED}
    with kept.path.open("a") as file:
        file.write('{"finding": ["cut sho')
    os.utime(kept.path)
    assert Decisions.beside(tmp_path / "f.parquet").current() == wanted | {keys[3]: ACCEPTED}
    with pytest.raises(ValueError, match="state"):
        kept.record(keys, "perhaps")


def test_a_decision_after_a_line_that_was_cut_short_is_kept(audited, tmp_path: Path) -> None:
    keys = read_findings(audited[1]).issues["exact_files"]["key"].to_pylist()
    kept = Decisions.beside(tmp_path / "f.parquet")
    kept.path.write_text('{"finding": ["cut sho')
    kept.record(keys[:1], ACCEPTED)
    assert Decisions.beside(tmp_path / "f.parquet").current() == {keys[0]: ACCEPTED}


def test_where_nothing_can_be_written_decisions_stay_in_memory(audited, tmp_path: Path) -> None:
    keys = read_findings(audited[1]).issues["exact_files"]["key"].to_pylist()
    kept = Decisions(tmp_path / "no folder" / "f.decisions.jsonl")
    kept.record(keys[:1], ACCEPTED)
    kept.record(keys[1:2], REJECTED)
    assert kept.unsaved and kept.current() == {keys[0]: ACCEPTED, keys[1]: REJECTED}
    kept.record(keys[:1], "")
    assert kept.current() == {keys[1]: REJECTED}


def test_only_what_was_accepted_is_done(audited, tmp_path: Path) -> None:
    root, file = audited
    findings = read_findings(file)
    issues = findings.issues["exact_files"].to_pylist()
    decided = {issues[0]["key"]: ACCEPTED, issues[1]["key"]: ACCEPTED, issues[2]["key"]: REJECTED}
    decided |= dict.fromkeys(findings.issues["split_shares"]["key"].to_pylist(), ACCEPTED)
    plan_rows = findings.plan(decided)
    assert [(r.sample_id, r.action) for r in plan_rows] == sorted(
        (r["sample_id"], "drop") for r in issues[:2]
    )
    (tmp_path / "plan.csv").write_text(plan_file.to_csv(plan_rows))
    dataset = open_dataset("image_folder", root, cache=None)
    done = apply.apply_plan(
        plan_file.read_plan(tmp_path / "plan.csv", dataset), dataset, tmp_path / "out"
    )
    assert (done.dropped, done.kept) == (2, len(dataset) - 2)
    ids = set(pq.read_table(tmp_path / "out" / "manifest.parquet")["id"].to_pylist())
    assert ids == set(dataset.samples.ids) - {r["sample_id"] for r in issues[:2]}


def test_a_reviewer_may_drop_what_was_only_suspected(audited) -> None:
    findings = read_findings(audited[1])
    first = findings.issues["exact_files"].to_pylist()[0]
    i = findings.rows.column_names.index("action")
    suspected = review.FindingsFile(
        findings.rows.set_column(i, "action", pa.array(["keep"] * len(findings.rows))),
        findings.header,
    )
    key = review.finding_key({**first, "action": "keep"})
    assert [r.action for r in suspected.plan({key: ACCEPTED})] == ["keep"]
    assert [(r.sample_id, r.action, r.value) for r in suspected.plan({key: DROPPED})] == [
        (first["sample_id"], "drop", "")
    ]


def test_the_same_finding_of_a_later_audit_has_the_same_key(audited, tmp_path: Path) -> None:
    root, file = audited
    dataset = open_dataset("image_folder", root, cache=None)
    report = audit.run_audit(dataset, ["exact_files"])
    review.write_findings(tmp_path / "again.parquet", report, dataset, root)
    again, first = (
        read_findings(f).issues["exact_files"]["key"].to_pylist()
        for f in (tmp_path / "again.parquet", file)
    )
    assert again == first


def test_another_file_is_refused(audited, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="audit --findings"):
        read_findings(tmp_path / "none.parquet")
    table = pq.read_table(audited[1])
    pq.write_table(table.replace_schema_metadata({}), tmp_path / "t.parquet")
    with pytest.raises(DataError, match="no findings in it"):
        read_findings(tmp_path / "t.parquet")
    pq.write_table(table.drop_columns(["label"]), tmp_path / "t.parquet")
    with pytest.raises(DataError, match="label"):
        read_findings(tmp_path / "t.parquet")


def test_json_says_where_the_findings_are(
    audited, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [
        "audit",
        "--dataset",
        "image_folder",
        "--data",
        str(audited[0]),
        "--checks",
        "exact_files",
        "--no-cache",
        "--json",
    ]
    assert main([*command, "--findings", str(tmp_path / "f.parquet")]) == 0
    assert json.loads(capsys.readouterr().out)["findings"] == {
        "file": str(tmp_path / "f.parquet"),
        "issues": 4,
    }
    assert main([*command, "--findings", str(tmp_path / "no folder" / "f.parquet")]) == 2
