"""Plans: written from findings, read back strictly."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import DataError
from core.labels import FERPLUS8, GENDER2
from evaluation.quality import make_findings
from evaluation.quality.dataset import AuditDataset
from evaluation.quality.repair import plan, plan_file
from evaluation.quality.repair.plan import PlanRow
from tests.evaluation.quality import repairs

A, B = FERPLUS8.labels[:2]


@pytest.fixture
def data(tmp_path: Path) -> AuditDataset:
    return repairs.open_folder(repairs.folder(tmp_path / "data"))


def read(tmp_path: Path, dataset: AuditDataset, text: str | bytes) -> list[PlanRow]:
    file = tmp_path / "plan.csv"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return plan_file.read_plan(file, dataset)


def test_findings_become_a_plan_that_reads_back(data: AuditDataset, tmp_path: Path) -> None:
    one, two, three, four = data.samples.ids[:4]
    copies = make_findings(
        [
            {
                "sample_id": one,
                "split": "train",
                "score": 0.1,
                "reason": "a copy, of val",
                "action": "drop",
            },
            {
                "sample_id": two,
                "split": "train",
                "score": 0.0,
                "reason": "stays",
                "is_issue": False,
            },
            {"sample_id": None, "split": "train", "score": 0.0, "reason": "a whole split"},
        ]
    )
    labels = make_findings(
        [
            {
                "sample_id": one,
                "score": 0.0,
                "reason": "wrong",
                "action": "relabel",
                "value": f"emotion={B}",
            },
            {
                "sample_id": three,
                "score": 0.2,
                "reason": "wrong",
                "action": "relabel",
                "value": f"emotion={B}",
            },
            {
                "sample_id": three,
                "score": 0.1,
                "reason": "worse",
                "action": "relabel",
                "value": f"emotion={A}",
            },
            {
                "sample_id": three,
                "score": 0.3,
                "reason": "young",
                "action": "relabel",
                "value": "age=3",
            },
            {"sample_id": three, "score": 0.3, "reason": "leak", "action": "move", "value": "val"},
            {"sample_id": four, "score": 0.3, "reason": 'say "look"\nat it', "action": "keep"},
        ]
    )
    again = make_findings([{"sample_id": one, "score": 0.5, "reason": "a leak", "action": "drop"}])
    file = tmp_path / "plan.csv"
    tables = {"copies": copies.table, "labels": labels.table, "leaks": again.table}
    rows = plan.rows_from_findings(tables, data.fingerprint)
    plan_file.write_plan(rows, file)
    assert len(rows) == 5
    plan_rows = plan_file.read_plan(file, data)
    assert [(r.sample_id, r.action, r.value, r.reason) for r in plan_rows] == sorted(
        [
            (one, "drop", "", "a copy, of val; a leak"),
            (three, "move", "val", "leak"),
            (three, "relabel", "age=3", "young"),
            (three, "relabel", f"emotion={A}", "worse"),
            (four, "keep", "", 'say "look"\nat it'),
        ]
    )
    assert all(r.fingerprint == data.fingerprint and r.split == "train" for r in plan_rows)
    assert plan_file.to_csv(plan_rows) == plan_file.to_csv(plan_file.read_plan(file, data))


def test_a_basket_of_four_columns_is_a_plan(data: AuditDataset, tmp_path: Path) -> None:
    sample = data.samples.ids[0]
    assert read(tmp_path, data, f"sample_id,action,value,reason\n{sample},drop,,twice\n") == [
        PlanRow(sample, "drop", "", "twice", "train", "")
    ]


@pytest.mark.parametrize("form", ["bom", "crlf", "semicolons", "utf-16", "tabs"])
def test_what_spreadsheets_write(data: AuditDataset, tmp_path: Path, form: str) -> None:
    sample = data.samples.ids[0]
    text = "Sample_ID,Action,Value,Reason,Split,Fingerprint\n"
    text += f"{sample},Relabel,emotion={B},ä,train,{data.fingerprint}\n,,,,,\n"
    encoded = {
        "bom": text.encode("utf-8-sig"),
        "crlf": text.replace("\n", "\r\n").encode(),
        "semicolons": text.replace(",", ";").encode("utf-8-sig"),
        "utf-16": text.replace(",", "\t").encode("utf-16"),
        "tabs": text.replace(",", "\t").encode(),
    }[form]
    assert read(tmp_path, data, encoded) == [
        PlanRow(sample, "relabel", f"emotion={B}", "ä", "train", data.fingerprint)
    ]


def test_a_name_with_a_newline_and_a_comma(tmp_path: Path) -> None:
    root = repairs.folder(tmp_path / "data")
    odd = root / "train" / A / 'new\nline, "quoted"; x.png'
    odd.write_bytes((root / "train" / A / f"{A}-0.png").read_bytes() + b"\0")
    data = repairs.open_folder(root)
    name = f"train/{A}/{odd.name}"
    plan_file.write_plan(
        [PlanRow(name, "drop", "", "odd", "train", data.fingerprint)], tmp_path / "plan.csv"
    )
    assert [r.sample_id for r in plan_file.read_plan(tmp_path / "plan.csv", data)] == [name]


odd = st.text(
    st.one_of(st.sampled_from("=+-@'＝\t\r\n,;\" a"), st.characters(exclude_categories=["Cs"])),
    max_size=8,
)


@settings(deadline=None)  # a busy machine is no fault
@given(st.lists(st.tuples(odd, odd), max_size=6))
def test_no_cell_is_a_formula_and_every_cell_reads_back(
    tmp_path_factory: pytest.TempPathFactory, cells: list[tuple[str, str]]
) -> None:
    rows = [PlanRow(f"{name}.png", "drop", "", reason, "train", "f" * 64) for name, reason in cells]
    text = plan_file.to_csv(rows)
    file = tmp_path_factory.getbasetemp() / "odd.csv"
    file.write_bytes(text.encode())
    assert (
        plan_file.parse_plan(file) == rows and plan_file.to_csv(plan_file.parse_plan(file)) == text
    )
    shown = [cell for line in csv.reader(io.StringIO(text, newline="")) for cell in line]
    assert len(shown) == 6 * (1 + len(rows))
    assert not [
        cell
        for cell in shown
        if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))
    ]


def test_names_that_are_formulas_are_samples(tmp_path: Path) -> None:
    names = [
        "=cmd|' /C calc'!A0.png",
        "+1.png",
        "-1.png",
        "@SUM(A1).png",
        "'=x.png",
        "''-x.png",
        "'plain.png",
        "\tx.png",
        "\rx.png",
        "x.png",
    ]
    samples = replace(repairs.invented(len(names)).samples, ids=tuple(names))
    data = replace(repairs.invented(len(names)), samples=samples)
    plan_file.write_plan([PlanRow(name, "keep", "", name) for name in names], tmp_path / "plan.csv")
    plan_rows = plan_file.read_plan(tmp_path / "plan.csv", data)
    assert sorted((r.sample_id, r.reason) for r in plan_rows) == sorted((n, n) for n in names)
    assert plan_file.to_csv(plan_rows) == plan_file.to_csv(
        plan_file.read_plan(tmp_path / "plan.csv", data)
    )
    by_hand = "sample_id,action,reason\n-1.png,drop,-5 is odd\n'plain.png,drop,'tis\n"
    (tmp_path / "plan.csv").write_text(by_hand)
    assert {(r.sample_id, r.reason) for r in plan_file.read_plan(tmp_path / "plan.csv", data)} == {
        ("-1.png", "-5 is odd"),
        ("'plain.png", "'tis"),
    }


def test_a_row_that_ends_early_is_named(data: AuditDataset, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="row 2: expected a sample of the data, got ''"):
        read(tmp_path, data, "action,sample_id\ndrop\n")


@pytest.mark.parametrize(
    ("cells", "fault"),
    [
        ("ID,erase,,", "row 3: expected an action of drop, move, relabel, keep, got 'erase'"),
        ("none.png,drop,,", "row 3: expected a sample of the data, got 'none.png'"),
        ("ID,relabel,emotion=glee,", "row 3: Expected a label of FERPLUS8"),
        (f"ID,relabel,gender={A},", "row 3: Expected a label of GENDER2"),
        ("ID,relabel,race=x,", "row 3: expected emotion=LABEL"),
        ("ID,relabel,,", "row 3: expected emotion=LABEL"),
        ("ID,relabel,age=200,", "row 3: expected 0 to 116 years, got '200'"),
        ("ID,relabel,age=nan,", "row 3: expected 0 to 116 years"),
        ("ID,move,dev,", "row 3: expected a split of train, val, test to move to, got 'dev'"),
        ("ID,move,train,", "row 3: expected another split to move to"),
        ("ID,drop,val,", "row 3: expected no value with drop, got 'val'"),
        ("ID,drop,,x,val", "row 3: expected the sample's split, train, got 'val'"),
        ("OTHER,drop,,", "row 3: says the same as row 2"),
        ("OTHER,keep,,", "row 3: keep contradicts drop in row 2"),
        ("OTHER,move,val,", "row 3: move contradicts drop in row 2"),
        ("ID,drop,,a,train,,,b", "Expected 6 cells in row 3 .* got 8"),
        ('ID,drop,,"never closed', "Expected a CSV table"),
    ],
)
def test_a_bad_row_is_named(data: AuditDataset, tmp_path: Path, cells: str, fault: str) -> None:
    head = "sample_id,action,value,reason,split,fingerprint\n"
    text = (
        head
        + f"{data.samples.ids[1]},drop,,,,\n"
        + cells.replace("ID", data.samples.ids[0]).replace("OTHER", data.samples.ids[1])
    )
    with pytest.raises(DataError, match=fault):
        read(tmp_path, data, text + "\n")


def test_rows_may_not_contradict_but_may_add_up(data: AuditDataset, tmp_path: Path) -> None:
    sample = data.samples.ids[0]
    head = "sample_id,action,value\n"
    good = f"{sample},relabel,emotion=happy\n{sample},relabel,gender=F\n"
    good += f'{sample},relabel,"age=27,5"\n{sample},move,test\n'
    values = [r.value for r in read(tmp_path, data, head + good)]
    assert values == [
        "test",
        "age=27.5",
        f"emotion={FERPLUS8.labels[1]}",
        f"gender={GENDER2.labels[0]}",
    ]
    with pytest.raises(DataError, match="row 3: contradicts row 2"):
        read(tmp_path, data, f"{head}{sample},relabel,emotion={A}\n{sample},relabel,emotion={B}\n")
    with pytest.raises(DataError, match="row 3: contradicts row 2"):
        read(tmp_path, data, f"{head}{sample},move,val\n{sample},move,test\n")


def test_many_faults_are_counted_and_some_shown(data: AuditDataset, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"got 30 .*\n(row .*\n){10}... and 20 more") as refused:
        read(tmp_path, data, "sample_id,action\n" + "".join(f"none{i},drop\n" for i in range(30)))
    assert "row 2:" in str(refused.value) and "row 12:" not in str(refused.value)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "an empty file"),
        (b"a,b\n1,2\n", "no sample_id and no action"),
        (b"sample_id,action\n\xff\xe4,drop\n", "in UTF-8"),
        (b"sample_id,action,action\n", "each column once"),
    ],
)
def test_what_is_no_plan(data: AuditDataset, tmp_path: Path, content: bytes, fault: str) -> None:
    with pytest.raises(DataError, match=fault):
        read(tmp_path, data, content)
    with pytest.raises(DataError, match="Expected a plan at"):
        plan_file.read_plan(tmp_path / "none.csv", data)


def test_a_plan_for_other_data_is_refused(data: AuditDataset, tmp_path: Path) -> None:
    row = PlanRow(data.samples.ids[0], "drop", fingerprint="0" * 64)
    with pytest.raises(DataError, match=r"a plan for this data .* 000000000000"):
        plan.check_rows([row], data)
    assert plan.check_rows([replace(row, fingerprint=data.fingerprint)], data)
    data.samples.paths[5].write_bytes(data.samples.paths[6].read_bytes())
    changed = repairs.open_folder(data.samples.root)
    with pytest.raises(DataError, match="audit again"):
        plan.check_rows([replace(row, fingerprint=data.fingerprint)], changed)


def test_a_plan_that_cannot_be_written_is_told(data: AuditDataset, tmp_path: Path) -> None:
    for place in (tmp_path / "no" / "plan.csv", tmp_path, Path("/proc/plan.csv")):
        with pytest.raises(DataError, match="Expected to write"):
            plan_file.write_plan([PlanRow(data.samples.ids[0], "drop")], place)
    with pytest.raises(DataError, match="UTF-8"):
        plan_file.write_plan([PlanRow("\udcff.png", "drop")], tmp_path / "plan.csv")
    assert not (tmp_path / "plan.csv").exists()
